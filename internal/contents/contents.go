// Package contents lists the content of an archive, from its rollups and records alone: no data
// object is listed or read, and nothing is proven (see package verify).
//
//	days, err := contents.Read(ctx, bucket, contents.Options{})
//
// A rollup stands for its records if it is one and continues the one before. All other
// records are read, which are those of the last one or two days of a node.
package contents

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/records"
	"github.com/auditsidecar/auditsidecar/internal/rollups"
)

// requests are the records of a node that are read at a time, and nodes the nodes.
const (
	requests = 32
	nodes    = 16
)

// Options say what to read.
type Options struct {
	Cluster, Node string // empty: all
	// Since leaves out the rollups of earlier days, but the last one of each tree.
	Since time.Time
	// Note gets the parts that were left out, and why, from several goroutines.
	Note func(text string)
}

// Day is the sum of one node's records of one UTC day.
type Day struct {
	Cluster string    `json:"cluster"`
	Node    string    `json:"node"`
	Day     string    `json:"day"`
	Files   int64     `json:"files"`
	Lines   int64     `json:"lines"`
	Bytes   int64     `json:"bytes"` // of the files, uncompressed
	First   time.Time `json:"first,omitzero"`
	Last    time.Time `json:"last,omitzero"`
	Records int64     `json:"records"`
	// Recorded is the time of the last record.
	Recorded time.Time            `json:"recorded"`
	Epochs   []string             `json:"epochs,omitempty"` // of files
	Gaps     []manifest.RollupGap `json:"gaps,omitempty"`
}

// reading collects the days of one node.
type reading struct {
	bucket        *archive.Bucket
	opt           Options
	cluster, node string
	before        map[int]*rollups.Rollup // by tree, the last one that continues those before it

	mu     sync.Mutex      // of the fields below
	days   map[string]*Day // by day
	newest map[manifest.Kind]manifest.Record
}

// Read returns the days by cluster, node and day. An error says that the archive is
// unavailable.
func Read(ctx context.Context, bucket *archive.Bucket, opt Options) (days []Day, err error) {
	all, err := readNodes(ctx, bucket, opt)
	for _, r := range all {
		days = append(days, r.sorted()...)
	}
	return days, err
}

// readNodes reads each node, by cluster and node; one of which nothing can be read has no day.
func readNodes(ctx context.Context, bucket *archive.Bucket, opt Options) ([]*reading, error) {
	var mu sync.Mutex
	found := make(map[[2]string]*reading)
	find := func(name string) string {
		key, err := archive.ParseKey(name)
		if err != nil {
			return ""
		}
		mu.Lock()
		defer mu.Unlock()
		if opt.Node == "" || key.Node == opt.Node {
			found[[2]string{key.Cluster, key.Node}] = &reading{bucket: bucket, opt: opt, cluster: key.Cluster, node: key.Node,
				before: map[int]*rollups.Rollup{}, days: map[string]*Day{}, newest: map[manifest.Kind]manifest.Record{}}
		}
		if key.Ext == "parquet" {
			return "rollups/parquet/~" // of the same nodes
		}
		return path.Dir(name) + "/~" // behind the node's
	}
	listing, inner := errgroup.WithContext(ctx)
	for _, folder := range []string{"manifests/", "rollups/"} {
		listing.Go(func() error {
			for _, err := range bucket.ListAfter(inner, rollups.Prefix(folder, opt.Cluster, opt.Node), find) {
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := listing.Wait(); err != nil {
		return nil, fmt.Errorf("list the nodes: %w", err)
	}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(nodes)
	for _, r := range found {
		group.Go(func() error { return r.read(inner) })
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("read rollups and records: %w", err)
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *reading) int {
		return cmp.Or(cmp.Compare(a.cluster, b.cluster), cmp.Compare(a.node, b.node))
	}), nil
}

func (r *reading) sorted() (days []Day) {
	for _, day := range slices.Sorted(maps.Keys(r.days)) {
		days = append(days, *r.days[day])
	}
	return days
}

func (r *reading) note(format string, args ...any) {
	if r.opt.Note != nil {
		r.opt.Note(fmt.Sprintf(format, args...))
	}
}

// read reads the rollups, then the records after them.
func (r *reading) read(ctx context.Context) error {
	last := rollups.Day{}
	for day, err := range rollups.List(ctx, r.bucket, r.cluster, r.node) {
		if err == nil && (day.Key.Tree != last.Key.Tree || last.Key.Day >= r.opt.Since.Format(archive.DayLayout)) {
			err = r.rollup(ctx, last)
		}
		if err != nil {
			return err
		}
		last = day
	}
	if err := r.rollup(ctx, last); err != nil {
		return err
	}
	return r.records(ctx)
}

// rollup adds a listed day, if it continues the one before.
func (r *reading) rollup(ctx context.Context, day rollups.Day) error {
	if day.Key.Kind == 0 {
		return nil
	}
	day, err := rollups.Read(ctx, r.bucket, day)
	if err != nil {
		return err
	}
	before := r.before[day.Key.Tree]
	if err = day.Err; err == nil && (before != nil || r.opt.Since.IsZero()) {
		err = day.Rollup.Follows(before)
	}
	if err != nil {
		r.note("%s: %v; its records are read", day.Key, err)
		return nil
	}
	r.add(&day.Rollup.Rollup)
	day.Rollup.Leaves, day.Rollup.Recorded = nil, nil // Follows needs neither
	r.before[day.Key.Tree] = day.Rollup
	return nil
}

// records adds the records after the rollups.
func (r *reading) records(ctx context.Context) error {
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(requests)
	behind := func(name string) string {
		key, _ := archive.ParseKey(name)
		if before := r.before[key.Tree]; before != nil && key.Number <= before.To {
			return archive.NumberPrefix(r.cluster, r.node, key.Tree, before.To) + "~"
		}
		return ""
	}
	var of archive.Key
	var copies []string // of the record of
	read := func() {
		if key, keys := of, copies; len(keys) > 0 {
			group.Go(func() error { return r.record(inner, key, keys) })
		}
		copies = nil
	}
	for info, err := range r.bucket.ListAfter(inner, archive.ManifestPrefix(r.cluster, r.node), behind) {
		if err != nil {
			return cmp.Or(group.Wait(), err)
		}
		key, err := archive.ParseKey(info.Key)
		if err != nil || key.Kind != archive.KindManifest {
			continue
		}
		if key.First() != of {
			read()
		}
		of, copies = key.First(), append(copies, info.Key)
	}
	read()
	return group.Wait()
}

// record adds one record, of its copies the one that counts.
func (r *reading) record(ctx context.Context, key archive.Key, copies []string) error {
	record, err := records.ReadCopies(ctx, r.bucket, slices.Values(copies))
	if records.Unusable(err) {
		r.note("%s: %v", key, err)
		return nil
	}
	if err != nil {
		return err
	}
	sum := manifest.NewRollup(key.Cluster, key.Node, key.Tree, manifest.Tree{})
	sum.Add(&manifest.Entry{Record: record})
	r.add(sum)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !record.Time.Before(r.newest[record.Kind].Time.Time) {
		r.newest[record.Kind] = record
	}
	return nil
}

// add adds the sum of some records of a day.
func (r *reading) add(sum *manifest.Rollup) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.days[sum.Day]
	if d == nil {
		d = &Day{Cluster: sum.Cluster, Node: sum.Node, Day: sum.Day}
		r.days[sum.Day] = d
	}
	d.Files, d.Lines, d.Bytes, d.Records = d.Files+sum.Files, d.Lines+sum.Lines, d.Bytes+sum.Bytes, d.Records+int64(len(sum.Leaves))
	var epochs []string
	for _, f := range sum.Recorded {
		epochs = append(epochs, f.Epoch)
	}
	d.widen(sum.First, sum.Last, sum.Ended, epochs)
	d.Gaps = append(d.Gaps, sum.Gaps...)
	slices.SortFunc(d.Gaps, func(a, b manifest.RollupGap) int { return cmp.Compare(a.Number, b.Number) })
}

// Nodes sums up days by node.
func Nodes(days []Day) (all []Day) {
	for _, d := range days {
		n := len(all) - 1
		if n < 0 || all[n].Cluster != d.Cluster || all[n].Node != d.Node {
			all = append(all, d)
			continue
		}
		sum := &all[n]
		sum.Day, sum.Files, sum.Lines, sum.Bytes, sum.Records = d.Day, sum.Files+d.Files, sum.Lines+d.Lines, sum.Bytes+d.Bytes, sum.Records+d.Records
		sum.widen(d.First, d.Last, d.Recorded, d.Epochs)
		sum.Gaps = slices.Concat(sum.Gaps, d.Gaps)
	}
	return all
}

// widen extends the times of a day, and adds the epochs of files.
func (d *Day) widen(first, last, recorded time.Time, epochs []string) {
	if !first.IsZero() && (d.First.IsZero() || first.Before(d.First)) {
		d.First = first
	}
	if last.After(d.Last) {
		d.Last = last
	}
	if recorded.After(d.Recorded) {
		d.Recorded = recorded
	}
	d.Epochs = slices.Concat(d.Epochs, epochs)
	slices.Sort(d.Epochs)
	d.Epochs = slices.Compact(d.Epochs)
}
