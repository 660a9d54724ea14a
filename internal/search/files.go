package search

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/parquet/rowfind"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// IsArchive reports whether a directory has the layout of an archive.
func IsArchive(dir string) bool {
	return slices.ContainsFunc([]string{"data", "open", "manifests"}, func(name string) bool {
		info, err := os.Stat(filepath.Join(dir, name))
		return err == nil && info.IsDir()
	})
}

// isLog reports whether a name is that of a log file.
func isLog(name string) bool {
	return !strings.HasPrefix(name, ".") && strings.HasSuffix(strings.TrimSuffix(name, ".gz"), ".log")
}

// ErrNothing says that a directory has nothing to search.
var ErrNothing = errors.New("neither an archive, nor objects (*.parquet), nor log files (*.log, *.log.gz)")

// Path writes the lines in a file or directory to w: log files and objects, those of a
// directory by name, which is the order of rotation.
func Path(ctx context.Context, path string, cfg Config, w io.Writer) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	files := []string{path}
	if info.IsDir() {
		files = nil
		err := filepath.WalkDir(path, func(name string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() && name != path && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir // state of the sidecar
			}
			if err == nil && d.IsDir() && name != path && IsArchive(name) {
				return fmt.Errorf("%s is an archive, whose open/ repeats lines of its data/: search it itself", name)
			}
			if err == nil && !d.IsDir() && (isLog(d.Name()) && filepath.Dir(name) == filepath.Clean(path) || filepath.Ext(name) == ".parquet" && !strings.HasPrefix(d.Name(), ".")) {
				files = append(files, name)
			}
			return err
		})
		if err == nil && len(files) == 0 {
			err = ErrNothing
		}
		if err != nil {
			return fmt.Errorf("search %s: %w", path, err)
		}
		slices.Sort(files) // by rotation, the open file last: "audit-…" sorts before "audit."
	}
	for _, file := range files {
		do := logFile
		if filepath.Ext(file) == ".parquet" {
			do = object
		}
		if err := do(ctx, file, cfg, w); err != nil {
			return fmt.Errorf("search %s: %w", file, err)
		}
	}
	return nil
}

// object searches an object that has no key.
func object(_ context.Context, path string, cfg Config, w io.Writer) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	o, err := rowfind.Open(file, info.Size())
	if err != nil {
		return err
	}
	found, err := o.Lines(cfg.Selection.Query(), cfg.lines())
	if err != nil {
		return err
	}
	_, err = found.WriteTo(w)
	return errors.Join(err, found.Close())
}

// logFile searches a log file, packed or not.
func logFile(ctx context.Context, path string, cfg Config, w io.Writer) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !cfg.Selection.Times.Overlaps(time.Time{}, info.ModTime().Add(slack)) {
		return nil // it was not written to since
	}
	in, err := rotate.Open(path, strings.HasSuffix(path, ".gz"))
	if err != nil {
		return err
	}
	defer in.Close()
	lines := &Lines{Selection: cfg.Selection, Do: func(l Line) error { return cfg.Form.Write(w, l) }}
	lines.Begin(info.ModTime())
	_, err = io.Copy(struct{ io.Writer }{lines}, untilDone(ctx, in))
	return errors.Join(err, lines.End())
}

type readerFunc func(p []byte) (int, error)

// Read implements [io.Reader].
func (r readerFunc) Read(p []byte) (int, error) { return r(p) }

func untilDone(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	})
}

// followed lists the files of a log since it is followed. A backup that was packed was read
// before that, or is lost to this reader, which reports it.
type followed struct {
	log   rotate.Log
	began time.Time
}

// Held implements [rotate.Source].
func (f followed) Held() ([]rotate.Segment, error) {
	all, err := f.log.Segments()
	return slices.DeleteFunc(all, func(s rotate.Segment) bool {
		return s.Gzip || !s.Rotated.IsZero() && s.Rotated.Before(f.began)
	}), err
}

// pollEvery is how often a log is looked at that is followed.
const pollEvery = 300 * time.Millisecond

// Follow writes the lines that are written to a log until ctx is done; path is its open file
// or its directory. With a selection of earlier times it begins with those of its files.
func Follow(ctx context.Context, path string, cfg Config, w io.Writer) error {
	open, err := openFile(path)
	if err != nil {
		return err
	}
	log, err := rotate.ParsePath(open)
	if err != nil {
		return err
	}
	segments, err := log.Segments()
	if err != nil {
		return err
	}
	older := !cfg.Selection.Times.From.IsZero()
	position := rotate.Position{}
	for _, s := range segments {
		if s.Rotated.IsZero() {
			position.Segment = s.ID
		} else if older {
			if err := logFile(ctx, s.Path, cfg, w); err != nil {
				return fmt.Errorf("search %s: %w", s.Path, err)
			}
		}
	}
	reader, err := rotate.NewReader(followed{log, time.Now().Add(-time.Second)}, position, rotate.ReaderConfig{})
	if err != nil {
		return err
	}
	defer reader.Close()
	lines := &Lines{Selection: cfg.Selection, Do: func(l Line) error { return cfg.Form.Write(w, l) }}
	lines.Begin(time.Now().UTC())
	return follow(ctx, reader, lines, !older, cfg.Note)
}

// follow gives lines the reader's lines; those before its first end of file only if they
// are not to be skipped.
func follow(ctx context.Context, reader *rotate.Reader, lines *Lines, skip bool, note func(string)) error {
	for ctx.Err() == nil {
		line, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			skip = false
			select {
			case <-ctx.Done():
			case <-time.After(pollEvery):
			}
		case errors.As(err, new(*rotate.GoneError)), errors.As(err, new(*rotate.TruncatedError)), errors.As(err, new(*rotate.CorruptError)):
			note("note: lines may be missing here: " + err.Error())
		case err != nil:
			return err
		case !skip:
			if err := lines.line(line.Bytes); err != nil {
				return err
			}
		}
	}
	return nil
}

// openFile is the open file of a log: path itself, or the one in its directory that is no
// backup of another.
func openFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return path, err
	}
	names, err := filepath.Glob(filepath.Join(path, "*.log"))
	if err != nil {
		return "", err
	}
	open := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(names, func(other string) bool {
			log, err := rotate.ParsePath(other)
			_, backup := log.ParseBackup(filepath.Base(name))
			return err == nil && backup
		})
	})
	switch len(open) {
	case 0:
		return "", fmt.Errorf("follow %s: no file there ends in .log; give the path of the one that kube-apiserver writes", path)
	case 1:
	default:
		return "", fmt.Errorf("follow %s: %d files may be the one that kube-apiserver writes; give its path", path, len(open))
	}
	return open[0], nil
}
