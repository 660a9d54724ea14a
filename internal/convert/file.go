package convert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/shipper"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// input is one file to convert, as plain bytes that can be read at any offset.
type input struct {
	*os.File
	size    int64
	name    string
	rotated time.Time
	skipped int64 // entries of its envelopes that are of other logs
}

// Stdin is the input that stands for standard input.
const Stdin = "-"

// Config has the settings of a conversion.
type Config struct {
	// Out ends in .parquet for one object, or is a directory that gets the layout of
	// an archive.
	Out      string
	NoCheck  bool // do not read the objects back to prove them
	Identity config.Identity
	Version  string
	Stdin    io.Reader
	From     Envelope
}

// Result describes a converted input.
type Result struct {
	File        string   `json:"file"`
	Lines       int64    `json:"lines"`
	Bytes       int64    `json:"bytes"`
	SHA256      string   `json:"sha256"`
	Rows        int64    `json:"rows"`
	RawLines    int64    `json:"rawLines"`
	Salvaged    int64    `json:"salvaged"`
	Undecodable int64    `json:"undecodable"`
	Strays      int64    `json:"strays"`
	ObjectBytes int64    `json:"objectBytes"`
	Objects     []string `json:"objects"`
	Checked     bool     `json:"checked"`
	DeliveredBy Envelope `json:"deliveredBy,omitempty"`
	Skipped     int64    `json:"skipped,omitempty"`
}

func (c *Config) oneFile() bool { return strings.HasSuffix(c.Out, ".parquet") }

// root is the directory that all output goes to.
func (c *Config) root() string {
	if c.oneFile() {
		return filepath.Dir(c.Out)
	}
	return c.Out
}

// Made is a converted input whose objects are in a work directory.
type Made struct {
	config *Config
	arg    string
	meta   parquet.Meta
	result parquet.Result

	skipped int64
	remove  func() // the work directory
}

// Make converts one input into a work directory and proves the result. Several may be made at
// once; each has to be installed.
func Make(ctx context.Context, c Config, arg string) (made *Made, err error) {
	info, err := checkInput(arg)
	if err != nil {
		return nil, err
	}
	sweepScratch(c.root())
	scratch, remove, err := scratchDir(c.root())
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			remove()
		}
	}()
	in, err := openInput(ctx, arg, info, scratch, c.Stdin)
	if err != nil {
		return nil, err
	}
	defer func() { in.Close() }()
	if c.From != "" {
		if err := in.unwrap(c.From, scratch); err != nil {
			return nil, err
		}
	}
	epoch, seq := c.positionInChain(in)
	cfg := parquet.Config{Work: scratch, Meta: parquet.Meta{
		Cluster: c.Identity.Cluster, Node: c.Identity.Node, Epoch: epoch, Seq: seq,
		SourceName: in.name, Rotated: in.rotated, Converter: c.Version, DeliveredBy: string(c.From),
	}}
	if c.oneFile() {
		cfg.File = filepath.Join(scratch, "object.parquet")
	} else {
		cfg.Dir = scratch
	}
	result, err := parquet.Convert(ctx, in, in.size, cfg)
	if err == nil && !c.NoCheck {
		err = parquet.Check(ctx, result)
	}
	return &Made{config: &c, arg: arg, meta: cfg.Meta, result: result, skipped: in.skipped, remove: remove}, err
}

// Install renames the objects to where they belong. Of inputs that have the same objects' names the
// first that is installed has them.
func (m *Made) Install() (Result, error) {
	defer m.remove()
	done, err := m.config.install(m.arg, m.meta, m.result)
	done.DeliveredBy, done.Skipped = m.config.From, m.skipped
	return done, err
}

// unwrap replaces envelopes by the events in them.
func (in *input) unwrap(from Envelope, scratch string) error {
	out, err := os.Create(filepath.Join(scratch, "events"))
	if err != nil {
		return fmt.Errorf("make room for the events: %w", err)
	}
	_, in.skipped, err = unpack(from, in.File, out)
	size, sizeErr := out.Seek(0, io.SeekCurrent)
	err = errors.Join(err, sizeErr, in.Close())
	in.File, in.size = out, size
	return err
}

// checkInput finds faults of an input before a directory is made for its objects; nil for standard
// input.
func checkInput(arg string) (fs.FileInfo, error) {
	if arg == Stdin {
		return nil, nil //nolint:nilnil // it is not looked at
	}
	info, err := os.Stat(arg)
	if err != nil {
		return nil, fmt.Errorf("look at the file: %w", withoutPath(err))
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file; name the log files themselves, or - for standard input")
	}
	f, err := os.Open(arg)
	if err != nil {
		return nil, fmt.Errorf("open the file: %w", withoutPath(err))
	}
	return info, f.Close()
}

// withoutPath takes the path off an error; it stands before it already.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// openInput opens a file, or unpacks it, or spools standard input: the
// conversion reads its source twice.
func openInput(ctx context.Context, arg string, info fs.FileInfo, scratch string, stdin io.Reader) (*input, error) {
	path, name, modified := filepath.Join(scratch, "stdin"), "stdin", time.Now()
	if arg == Stdin {
		if err := spoolTo(ctx, path, stdin); err != nil {
			return nil, err
		}
	} else {
		var err error
		if path, err = filepath.EvalSymlinks(arg); err != nil { // the name is that of the link
			return nil, fmt.Errorf("look at the file: %w", withoutPath(err))
		}
		name, modified = filepath.Base(arg), info.ModTime()
	}
	name, isNamed := strings.CutSuffix(name, ".gz")
	found, err := formatOf(path)
	if err == nil && (found.name == gzipName || isNamed && found.name == "") {
		packed := path
		path = filepath.Join(scratch, "input")
		if err := shipper.Unpack(ctx, packed, path, shipper.MaxUnpacked); err != nil {
			return nil, unpackFailure(err)
		}
		found, err = formatOf(path)
	}
	if err = errors.Join(err, found.refuse()); err != nil {
		return nil, err
	}
	return statInput(path, name, modified)
}

// unpackFailure names the most likely fault of a compressed file.
func unpackFailure(err error) error {
	bad, ok := errors.AsType[*shipper.UnpackError](err)
	switch {
	case !ok:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("unpack the file: it is cut short (is it still being written?): %w", io.ErrUnexpectedEOF)
	}
	return bad.Err
}

// statInput opens plain bytes. The rotation time is the one in the name of a
// backup, else the time of the last write.
func statInput(path, name string, modified time.Time) (*input, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the file: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	in := &input{File: file, size: info.Size(), name: name, rotated: modified.UTC().Truncate(time.Millisecond)}
	if rotated, ok := rotationTime(name); ok {
		in.rotated = rotated
	}
	return in, nil
}

// spoolTo copies r to a new file. A read that blocks cannot be interrupted, so
// when ctx is done it is left behind: the process is about to end.
func spoolTo(ctx context.Context, path string, r io.Reader) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make room for standard input: %w", err)
	}
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(out, r)
		copied <- errors.Join(err, out.Close())
	}()
	select {
	case err = <-copied:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	return nil
}
