// Package evidence makes a pack for an auditor: the records and rollups of a period, the keys, the
// verifier, and pages about them that anyone can make again from the pack and compare.
//
//	pack, err := evidence.Make(ctx, bucket, dir, opt)
//	faults, err := evidence.Check(ctx, dir, keys, fingerprint)
//
// A pack has two kinds of files. Sources are copied from the archive (records and rollups, which the
// nodes have signed), given (keys, verifier), or the statement of the maker (the date, the
// result of verify over the archive, the settings of the bucket). All others are pages: a
// function of the sources, so that [Check] finds a page that does not follow from them. SHA256SUMS
// has the hash of every file, and its own hash is the fingerprint of the pack.
// docs/spec/evidence.md is the format.
//
// One record or rollup is in memory at a time, and a line for each node and day.
package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/bucket"
	"github.com/auditsidecar/auditsidecar/internal/contents"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/rollups"
	"github.com/auditsidecar/auditsidecar/internal/verify"
)

// The names of files of a pack that are not pages.
const (
	statementFile = "statement.json"
	keyFile       = "keys/keys.vkey"
	verifierFile  = "bin/auditsidecar"
	sumsFile      = "SHA256SUMS"
	archiveDir    = "archive"
)

// Options say what to make a pack of.
type Options struct {
	// Verify selects the period, the nodes, the keys and the checks of the archive. Its Now is the
	// date of the pack.
	Verify verify.Options
	// Program is the name and version of the maker.
	Program string
	// Verifier is the path of the program that goes into the pack.
	Verifier string
	// Note gets the parts that were left out, and why, from several goroutines.
	Note func(text string)
}

// Pack describes a pack that was made.
type Pack struct {
	Verdict     string
	Fingerprint string // SHA-256 of SHA256SUMS
	Clean       bool   // no verification has a finding
}

// Statement is what the maker says and the records do not prove.
type Statement struct {
	Version int `json:"version"`
	// Verifier is the SHA-256 of the program in the pack.
	Verifier string `json:"verifier"`
	// Settings of the bucket, when the pack was made.
	Settings []bucket.Setting `json:"settings"`
	// Report is that of the archive.
	Report *verify.Report `json:"report"`
}

// maker makes a pack.
type maker struct {
	from *archive.Bucket
	opt  Options
	dir  string // of the unfinished pack

	newest string // key of the last record
}

// Make makes a pack at dir, which must not exist: under another name until it is complete.
func Make(ctx context.Context, from *archive.Bucket, dir string, opt Options) (_ *Pack, err error) {
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s already exists and stays as it is; choose another path for --out", dir)
	}
	temp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(dir)), "."+filepath.Base(dir)+".*.tmp")
	if err != nil {
		return nil, fmt.Errorf("make the pack: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	m := &maker{from: from, opt: opt, dir: temp}
	if err := m.sources(ctx); err != nil {
		return nil, err
	}
	f, err := pages(ctx, temp, m.put)
	if err != nil {
		return nil, err
	}
	sums, err := sumsOf(temp)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(m.put(sumsFile, bytes.NewReader(sums)), os.Chmod(temp, 0o755)); err != nil { //nolint:gosec // for the auditor to read
		return nil, err
	}
	if err := durable.OS().Rename(temp, dir); err != nil {
		return nil, fmt.Errorf("make the pack: %w", err)
	}
	return &Pack{Verdict: f.Verdict, Fingerprint: manifest.Sum(sums), Clean: f.Level != levelBad}, nil
}

// put writes a file of the pack.
func (m *maker) put(name string, content io.Reader) error {
	path := filepath.Join(m.dir, filepath.FromSlash(name))
	mode := os.FileMode(0o644)
	if name == verifierFile {
		mode = 0o755
	}
	if err := durable.OS().MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return durable.OS().Publish(path, mode, func(w io.Writer) error {
		_, err := io.Copy(w, content)
		return err
	})
}

// sources writes all files but the pages. The verification of the archive comes last, and must
// find the heads of the copied records in it.
func (m *maker) sources(ctx context.Context) error {
	verifier, err := os.Open(m.opt.Verifier)
	if err != nil {
		return fmt.Errorf("copy the verifier: %w", err)
	}
	defer verifier.Close()
	if err := errors.Join(m.put(verifierFile, verifier), m.keys()); err != nil {
		return err
	}
	if err := m.records(ctx); err != nil {
		return err
	}
	o := m.opt.Verify
	mine, err := verifyRecords(ctx, m.dir, &verify.Report{At: o.Now, Program: m.opt.Program,
		Asked: verify.Asked{Cluster: o.Cluster, Node: o.Node, From: o.From, To: o.To, Accept: o.Accept}}, o.Keys)
	if err != nil {
		return err
	}
	o.ExpectHeads, o.Now = headsOf(mine), time.Time{} // the age of objects is measured by the clock
	report, err := verify.Run(ctx, m.from, o)
	if err != nil {
		return fmt.Errorf("verify the archive: %w", err)
	}
	slices.Sort(report.Notes)
	report.Archive, report.At, report.Program = m.from.URL(""), m.opt.Verify.Now, m.opt.Program
	s := Statement{Version: 1, Settings: bucket.SettingsOf(ctx, m.from, m.newest), Report: report}
	if s.Verifier, err = sumOf(m.dir, verifierFile); err != nil {
		return err
	}
	text, err := json.MarshalIndent(s, "", "  ")
	return errors.Join(err, m.put(statementFile, bytes.NewReader(text)))
}

// verifyRecords verifies the records of a pack as its statement asks.
func verifyRecords(ctx context.Context, dir string, stated *verify.Report, keys []manifest.TrustedKey) (*verify.Report, error) {
	copied, err := openDir(ctx, dir)
	if err != nil {
		return nil, err
	}
	a := stated.Asked
	r, err := verify.Run(ctx, copied, verify.Options{Cluster: a.Cluster, Node: a.Node, From: a.From, To: a.To, ChainOnly: true, Keys: keys, Accept: a.Accept, Now: stated.At})
	if err != nil {
		return nil, fmt.Errorf("verify the records of the pack: %w", err)
	}
	slices.Sort(r.Notes) // some checks run side by side
	r.Archive, r.At, r.Program = archiveDir, stated.At, stated.Program
	return r, nil
}

// headsOf are the roots of the last records.
func headsOf(r *verify.Report) (heads []string) {
	for _, n := range r.Nodes {
		for _, t := range n.Trees {
			if t.Head.Number > 0 {
				heads = append(heads, t.Head.Root)
			}
		}
	}
	return heads
}

// keys writes the trusted keys with their bounds, if there are any.
func (m *maker) keys() error {
	var text strings.Builder
	for _, key := range m.opt.Verify.Keys {
		fmt.Fprintln(&text, key.Vkey)
		if key.From > 0 {
			fmt.Fprintln(&text, "from", key.From)
		}
		if key.Until > 0 {
			fmt.Fprintln(&text, "until", key.Until)
		}
	}
	if text.Len() == 0 {
		return nil
	}
	return m.put(keyFile, strings.NewReader(text.String()))
}

// records copies all rollups, the records that they do not stand for, and of each node the newest
// settings before those.
func (m *maker) records(ctx context.Context) error {
	o := m.opt.Verify
	forms := make(map[archive.Key]bool)
	var rollup, record []archive.Key
	for info, err := range m.from.List(ctx, "rollups/") { // the JSON forms sort before the others
		if err != nil {
			return fmt.Errorf("list the rollups: %w", err)
		}
		key, err := archive.ParseKey(info.Key)
		form := key.First()
		if form.Ext = "json"; key.Ext == form.Ext {
			forms[form] = true
		}
		if err == nil && forms[form] && (o.Cluster == "" || key.Cluster == o.Cluster) && (o.Node == "" || key.Node == o.Node) {
			rollup = append(rollup, key)
		}
	}
	if err := m.copyAll(ctx, rollup, rollups.MaxSize); err != nil {
		return err
	}
	copied, err := openDir(ctx, m.dir)
	if err != nil {
		return err
	}
	first := make(map[string]archive.Key) // record of each node
	err = verify.Records(ctx, m.from, copied, o, func(key archive.Key) {
		if node := key.Cluster + "/" + key.Node; first[node].Kind == 0 {
			first[node] = key
		}
		record, m.newest = append(record, key), key.String()
	})
	if err != nil {
		return fmt.Errorf("list the records: %w", err)
	}
	before := func(key archive.Key) bool {
		at, ok := first[key.Cluster+"/"+key.Node]
		return ok && archive.CompareRecords(key, at) < 0
	}
	found, err := contents.Setups(ctx, m.from, contents.Options{Cluster: o.Cluster, Node: o.Node, Note: m.opt.Note}, false, before)
	if err != nil {
		return fmt.Errorf("find the settings: %w", err)
	}
	for _, s := range found {
		record = append(record, s.Key)
	}
	return m.copyAll(ctx, record, manifest.MaxSize)
}

func (m *maker) copyAll(ctx context.Context, keys []archive.Key, most int64) error {
	group, ctx := errgroup.WithContext(archive.AtMost(ctx, most))
	group.SetLimit(verify.Requests)
	for _, key := range keys {
		group.Go(func() error { return m.copy(ctx, key.String()) })
	}
	return group.Wait()
}

// copy copies an object. One that the store damaged is left out: then its number is missing.
func (m *maker) copy(ctx context.Context, key string) error {
	o, err := m.from.Open(ctx, key)
	if reason := archive.ReasonOf(err); err != nil && (reason == archive.ReasonChecksum || reason == archive.ReasonTooLarge) {
		m.opt.Note(fmt.Sprintf("left out: %v", err))
		return nil
	}
	if err != nil {
		return fmt.Errorf("copy %s: %w", key, err)
	}
	defer o.Close()
	return m.put(archiveDir+"/"+key, io.NewSectionReader(o, 0, o.Size))
}

func openDir(ctx context.Context, dir string) (*archive.Bucket, error) {
	path, err := filepath.Abs(filepath.Join(dir, archiveDir))
	if err != nil {
		return nil, fmt.Errorf("open the pack: %w", err)
	}
	return archive.Open(ctx, path, archive.S3Config{})
}
