package convert

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// install renames the objects to where they belong.
func (c *Config) install(arg string, meta parquet.Meta, result parquet.Result) (Result, error) {
	done := Result{
		File: arg, Lines: result.Lines, Bytes: result.Bytes, SHA256: hex.EncodeToString(result.SHA256[:]),
		RawLines: result.RawLines, Salvaged: result.Salvaged, Undecodable: result.Undecodable, Strays: result.Strays, Checked: !c.NoCheck,
	}
	for _, o := range result.Objects {
		to := c.Out
		if !c.oneFile() {
			key := archive.DataKey(meta.Cluster, o.Day, meta.Rotated.Format(archive.RotatedLayout), meta.Node, meta.Epoch, meta.Seq)
			to = filepath.Join(c.Out, filepath.FromSlash(key))
		}
		done.Objects = append(done.Objects, to)
	}
	for _, to := range done.Objects[:min(1, len(done.Objects))] {
		if err := c.checkTargets(to, result); err != nil {
			return Result{}, err
		}
	}
	fsys := durable.OS()
	for i, o := range result.Objects {
		to := done.Objects[i]
		if err := fsys.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return Result{}, err
		}
		if err := fsys.Rename(o.Path, to); err != nil {
			return Result{}, err
		}
		done.Rows += o.Rows
		done.ObjectBytes += o.Size
	}
	return done, nil
}

// checkTargets looks at all objects with the key of this one, of whatever day:
// together they are one original file.
func (c *Config) checkTargets(object string, result parquet.Result) error {
	if c.oneFile() {
		return checkTarget(object, result, "remove it, or give another path as --out")
	}
	days := filepath.Dir(filepath.Dir(object))
	entries, err := os.ReadDir(days)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for objects of another file: %w", err)
	}
	for _, day := range entries {
		if err := checkTarget(filepath.Join(days, day.Name(), filepath.Base(object)), result, "give another --node or --cluster, or another directory"); err != nil {
			return err
		}
	}
	return nil
}

// checkTarget lets an object replace one of the same original file only.
func checkTarget(path string, result parquet.Result, hint string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	meta, err := parquet.ReadMeta(f, info.Size())
	if err != nil {
		return fmt.Errorf("%s is in the way: %w", path, err)
	}
	if meta.SourceSHA256 != result.SHA256 {
		return fmt.Errorf("%s already exists and belongs to another file; %s", path, hint)
	}
	return nil
}
