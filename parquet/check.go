package parquet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Check reopens what [Convert] wrote and proves it: size and SHA-256 of every
// object, its number of rows, its metadata, and the lines rebuilt from all of them, by a keyed
// hash that Convert took of the source's. A source with holes is put together again, and its
// SHA-256 compared: for that a temporary file of its size goes to the directory of the first object.
// want is Convert's result, of the same process, and the objects are still where it says. The
// error is [ErrMismatch], [ErrIncomplete] or [ErrNotOurs] where the objects are
// to blame.
func Check(ctx context.Context, want Result) error {
	if len(want.Objects) == 0 {
		return fmt.Errorf("check: %w: no objects", ErrIncomplete)
	}
	var inputs []Input
	for _, o := range want.Objects {
		f, err := os.Open(o.Path)
		if err != nil {
			return fmt.Errorf("check: %w", err)
		}
		defer f.Close()
		in, err := checkObject(f, want, o)
		if err != nil {
			return fmt.Errorf("check %s: %w", o.Path, err)
		}
		inputs = append(inputs, in)
	}
	if err := checkSource(ctx, inputs, want); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	return nil
}

// checkSource proves that the objects are the source.
func checkSource(ctx context.Context, inputs []Input, want Result) error {
	// Lines come in any order, and holes have their places in all of the source.
	if len(want.Holes) == 0 {
		return checkLines(ctx, inputs, want)
	}
	return RestoreIn(ctx, filepath.Dir(want.Objects[0].Path), inputs, io.Discard)
}

// checkObject compares one object with Convert's result.
func checkObject(f *os.File, want Result, o Object) (Input, error) {
	sum := sha256.New()
	size, err := io.Copy(sum, f)
	if err != nil {
		return Input{}, fmt.Errorf("read: %w", err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != o.SHA256 || size != o.Size {
		return Input{}, fmt.Errorf("%w: %d bytes, SHA-256 %s; want %d, %s", ErrMismatch, size, got, o.Size, o.SHA256)
	}
	m, err := ReadMeta(f, size)
	if err != nil {
		return Input{}, err
	}
	return Input{Name: o.Path, ReaderAt: f, Size: size}, m.check(want, o)
}

// check compares metadata with Convert's result.
func (m *ObjectMeta) check(want Result, o Object) error {
	differ := func(what string, got, want any) error {
		if got == want {
			return nil
		}
		return fmt.Errorf("%w: %s is %v, want %v", ErrMismatch, what, got, want)
	}
	return errors.Join(
		differ("day", m.Day, o.Day),
		differ("number of rows", m.Rows, o.Rows),
		differ("source size", m.SourceSize, want.Bytes),
		differ("number of lines", m.SourceLines, want.Lines),
		differ("source SHA-256", m.SourceSHA256, want.SHA256),
		differ("final newline", m.FinalNewline, want.FinalNewline),
		differ("cluster", m.Cluster, want.Meta.Cluster),
		differ("node", m.Node, want.Meta.Node),
		differ("epoch", m.Epoch, want.Meta.Epoch),
		differ("seq", m.Seq, want.Meta.Seq),
		differ("source name", m.SourceName, want.Meta.SourceName),
		differ("increment", m.Increment, want.Meta.Increment),
	)
}
