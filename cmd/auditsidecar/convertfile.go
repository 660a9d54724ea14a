package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/shipper"
	"github.com/auditsidecar/auditsidecar/parquet"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// input is one file to convert, as plain bytes that can be read at any place.
type input struct {
	*os.File
	size    int64
	name    string
	rotated time.Time
}

// convertOne converts one input into a work directory, proves the result and
// renames it into place.
func (f *convertFlags) convertOne(ctx context.Context, version, arg string, stdin io.Reader, progress *fileProgress) (converted, error) {
	if err := checkInput(arg); err != nil {
		return converted{}, err
	}
	root := f.out
	if f.oneFile() {
		root = filepath.Dir(f.out)
	}
	scratch, remove, err := scratchDir(root)
	if err != nil {
		return converted{}, err
	}
	defer remove()
	in, err := openInput(ctx, arg, scratch, stdin)
	if err != nil {
		return converted{}, err
	}
	defer in.Close()
	cfg := parquet.Config{Work: scratch, Meta: parquet.Meta{
		Cluster: f.identity.Cluster, Node: f.identity.Node, Epoch: f.epoch(in), Seq: 1,
		SourceName: in.name, Rotated: in.rotated, Converter: version,
	}}
	if f.oneFile() {
		cfg.File = filepath.Join(scratch, "object.parquet")
	} else {
		cfg.Dir = scratch
	}
	result, err := parquet.Convert(ctx, progress.of(in, in.size), in.size, cfg)
	if err != nil {
		return converted{}, err
	}
	if err := f.check(ctx, result); err != nil {
		return converted{}, err
	}
	return f.place(arg, cfg.Meta, result)
}

func (f *convertFlags) check(ctx context.Context, result parquet.Result) error {
	if f.noCheck {
		return nil
	}
	return parquet.Check(ctx, result)
}

// place renames the objects to where they belong.
func (f *convertFlags) place(arg string, meta parquet.Meta, result parquet.Result) (converted, error) {
	done := converted{
		File: arg, Lines: result.Lines, Bytes: result.Bytes, SHA256: hex.EncodeToString(result.SHA256[:]),
		RawLines: result.RawLines, Salvaged: result.Salvaged, Undecodable: result.Undecodable, Checked: !f.noCheck,
	}
	for _, o := range result.Objects {
		to := f.out
		if !f.oneFile() {
			key := archive.DataKey(meta.Cluster, o.Day, meta.Rotated.Format(archive.RotatedLayout), meta.Node, meta.Epoch, meta.Seq)
			to = filepath.Join(f.out, filepath.FromSlash(key))
			if err := checkPlace(to, result); err != nil {
				return converted{}, err
			}
		}
		done.Objects = append(done.Objects, to)
	}
	fsys := durable.OS()
	for i, o := range result.Objects {
		to := done.Objects[i]
		if err := fsys.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return converted{}, err
		}
		if err := fsys.Rename(o.Path, to); err != nil {
			return converted{}, err
		}
		done.Rows += o.Rows
		done.ObjectBytes += o.Size
	}
	return done, nil
}

// checkPlace lets an object replace one of the same original file only.
func checkPlace(path string, result parquet.Result) error {
	f, size, err := openFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	meta, err := parquet.ReadMeta(f, size)
	if err != nil {
		return fmt.Errorf("%s is in the way: %w", path, err)
	}
	if meta.SourceSHA256 != result.SHA256 {
		return fmt.Errorf("%s is there already, of another file with this name and rotation time; give another --node or --cluster, or another directory", path)
	}
	return nil
}

// epoch stands in for the epoch of a running sidecar: it sorts by rotation
// time, to the millisecond (the first three of the six hex digits), and depends
// on the input only, so that the same file converted twice is the same object
// twice.
func (f *convertFlags) epoch(in *input) string {
	sum := sha256.Sum256([]byte(f.identity.Cluster + "\x00" + f.identity.Node + "\x00" + in.name))
	milliseconds := in.rotated.Nanosecond() / int(time.Millisecond)
	return fmt.Sprintf("%s%03x%s", in.rotated.Format("20060102T150405"), milliseconds, hex.EncodeToString(sum[:2])[:3])
}

// checkInput finds what is wrong with an input before a directory is made for
// what comes of it.
func checkInput(arg string) error {
	if arg == stdinName {
		return nil
	}
	info, err := os.Stat(arg)
	if err != nil {
		return fmt.Errorf("look at the file: %w", withoutPath(err))
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file; name the log files themselves, or - for standard input")
	}
	f, err := os.Open(arg)
	if err != nil {
		return fmt.Errorf("open the file: %w", withoutPath(err))
	}
	return f.Close()
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
func openInput(ctx context.Context, arg, scratch string, stdin io.Reader) (*input, error) {
	if arg == stdinName {
		spool := filepath.Join(scratch, "input")
		if err := spoolTo(ctx, spool, stdin); err != nil {
			return nil, err
		}
		return statInput(spool, "stdin", time.Now())
	}
	info, err := os.Stat(arg)
	if err != nil {
		return nil, fmt.Errorf("look at the file: %w", withoutPath(err))
	}
	name, packed := strings.CutSuffix(filepath.Base(arg), ".gz")
	path := arg
	if packed {
		path = filepath.Join(scratch, "input")
		if err := shipper.Unpack(ctx, arg, path, shipper.MaxUnpacked); err != nil {
			return nil, unpackFailure(err)
		}
	}
	return statInput(path, name, info.ModTime())
}

// unpackFailure says plainly what is the most likely fault of a compressed file.
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
	file, err := durable.Open(path)
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

// rotationTime reads the time in a backup's name, whatever its base is.
func rotationTime(name string) (time.Time, bool) {
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	const stamp = "-2006-01-02T15-04-05.000"
	if len(stem) <= len(stamp) {
		return time.Time{}, false
	}
	log := rotate.Log{Base: stem[:len(stem)-len(stamp)], Ext: ext}
	backup, ok := log.ParseBackup(name)
	return backup.Rotated, ok
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
