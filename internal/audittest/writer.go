package audittest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

// MillFunction is the goroutine that lumberjack starts at the first write and
// never stops, in the form that goleak.IgnoreAnyFunction takes.
const MillFunction = "gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun"

// Config describes a [Writer]. The fields after Account are kube-apiserver's
// flags --audit-log-maxsize, --audit-log-maxbackup and --audit-log-compress.
type Config struct {
	// Path is the audit log, for example DIR/audit.log. Its directory is made
	// (mode 0700) and the file created (0600) as kube-apiserver does at start;
	// an existing file is appended to.
	Path string
	// Account is the directory for the hard links, outside the audit directory
	// and on the same filesystem; it must not hold another writer's account.
	// Default: the audit directory's path with ".account" appended.
	Account string
	// MaxSizeMB is the size in MiB at which the log is rotated. Default 100.
	MaxSizeMB int
	// MaxBackups is how many rotated files are kept. Default 0: all.
	MaxBackups int
	// Compress packs rotated files to .gz.
	Compress bool
	// MayRotate delays a rotation of [Writer.Replay] that is due while it returns
	// false, so that no file comes and goes before a slow machine has seen it. Nil:
	// never.
	MayRotate func() bool
}

// Writer writes an audit log as kube-apiserver does and keeps the account. Its
// methods may be called from several goroutines.
type Writer struct {
	mu      sync.Mutex
	log     lumberjack.Logger
	max     int64
	fresh   bool // nothing written yet: lumberjack's first size check is >=
	rotated time.Time
	account account
	line    []byte // reused by WriteLine, under mu

	mayRotate func() bool
}

// NewWriter creates the audit directory and the log where they are missing.
func NewWriter(cfg Config) (*Writer, error) {
	if cfg.Path == "" {
		return nil, errors.New("make writer: no path given")
	}
	dir := filepath.Dir(cfg.Path)
	if cfg.Account == "" {
		cfg.Account = filepath.Clean(dir) + ".account"
	}
	if cfg.MaxSizeMB == 0 {
		cfg.MaxSizeMB = 100
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make audit directory: %w", err)
	}
	f, err := os.OpenFile(cfg.Path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create audit log: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("create audit log: %w", err)
	}
	w := &Writer{max: int64(cfg.MaxSizeMB) << 20, fresh: true, account: account{dir: cfg.Account}, mayRotate: cfg.MayRotate}
	w.log.Filename, w.log.MaxSize = cfg.Path, cfg.MaxSizeMB
	w.log.MaxBackups, w.log.Compress = cfg.MaxBackups, cfg.Compress
	return w, w.account.open(cfg.Path)
}

// WriteLine appends line and a newline with one write(2), after a rotation if
// the log would grow past its maximum. A line that is longer than the maximum
// is refused, as lumberjack does.
func (w *Writer) WriteLine(line []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.line = append(append(w.line[:0], line...), '\n')
	return w.write(w.line)
}

// WriteRaw appends data as it is with one write(2): half lines, NULs, several
// lines at once. Rotation happens before it under the same rule.
func (w *Writer) WriteRaw(data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.write(data)
}

func (w *Writer) write(data []byte) error {
	size := w.account.newest().Bytes + int64(len(data))
	// Rotating here, by lumberjack's own rule, rather than inside its Write
	// does the same moves and lets the account see the new file.
	if int64(len(data)) <= w.max && (size > w.max || w.fresh && size >= w.max) {
		if err := w.rotate(); err != nil {
			return err
		}
	}
	n, err := w.log.Write(data)
	w.fresh = false
	open := w.account.newest()
	open.Bytes += int64(n)
	open.Lines += int64(bytes.Count(data[:n], []byte("\n")))
	if err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	return nil
}

// Rotate closes the log, renames it to a backup, creates a new one and starts
// the pruning in the background. It never happens twice within a millisecond:
// the second backup would overwrite the first, as in kube-apiserver.
func (w *Writer) Rotate() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rotate()
}

func (w *Writer) rotate() error {
	for !time.Now().Truncate(time.Millisecond).After(w.rotated) {
		time.Sleep(100 * time.Microsecond)
	}
	if err := w.log.Rotate(); err != nil {
		return fmt.Errorf("rotate audit log: %w", err)
	}
	w.rotated, w.fresh = time.Now().Truncate(time.Millisecond), false
	name, err := newestBackup(w.log.Filename)
	if err != nil {
		return err
	}
	finished := w.account.newest()
	finished.Name, finished.Finished = name, true
	return w.account.open(w.log.Filename)
}

// newestBackup returns the name of the newest backup of the log at path,
// without .gz. The newest one is never pruned, so it is there, packed or not;
// names sort by time.
func newestBackup(path string) (string, error) {
	ext := filepath.Ext(path)
	prefix := strings.TrimSuffix(filepath.Base(path), ext) + "-"
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return "", fmt.Errorf("find newest backup: %w", err)
	}
	newest := ""
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".gz")
		if strings.HasPrefix(name, prefix) && strings.HasSuffix(name, ext) {
			newest = max(newest, name)
		}
	}
	if newest == "" {
		return "", fmt.Errorf("find newest backup of %s: none there", path)
	}
	return newest, nil
}

// Files returns the account in rotation order, the open log last.
func (w *Writer) Files() []File {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]File(nil), w.account.files...)
}

// Lines returns how many complete lines the account holds.
func (w *Writer) Lines() (n int64) {
	for _, f := range w.Files() {
		n += f.Lines
	}
	return n
}

// Bytes returns how many bytes the account holds.
func (w *Writer) Bytes() (n int64) {
	for _, f := range w.Files() {
		n += f.Bytes
	}
	return n
}

// Close closes the log and waits until its backups are compressed: until then
// files appear in the audit directory. The account stays. The goroutine named by
// [MillFunction] continues: lumberjack has no way to stop it.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.log.Close(); err != nil {
		return fmt.Errorf("close audit log: %w", err)
	}
	dir := filepath.Dir(w.log.Filename)
	plain := func(f File) bool {
		_, err := os.Lstat(filepath.Join(dir, f.Name))
		return f.Finished && err == nil
	}
	for end := time.Now().Add(5 * time.Minute); w.log.Compress && slices.ContainsFunc(w.account.files, plain); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("close audit log: a backup in %s is not compressed", dir)
		}
	}
	return nil
}

// Replay writes lines at rate lines a second (0: as fast as it can) and
// rotates every rotateEvery (0: by size alone), until lines are used up or ctx
// is done; then it returns the context's error. A writer that fell behind
// catches up.
func (w *Writer) Replay(ctx context.Context, lines iter.Seq[[]byte], rate int, rotateEvery time.Duration) error {
	return Pace{Rate: rate, RotateEvery: rotateEvery, MayRotate: w.mayRotate}.Write(ctx, lines, w.WriteLine, w.Rotate)
}

// Pace is the pace at which a log is written.
type Pace struct {
	// Rate is lines a second; 0: as fast as possible.
	Rate int
	// RotateEvery is the shortest time between two rotations; 0: none.
	RotateEvery time.Duration
	// MayRotate, if not nil, puts a rotation off until it returns true.
	MayRotate func() bool
}

// Write passes lines to write, and calls rotate between them, until lines are used up
// or ctx ends.
func (p Pace) Write(ctx context.Context, lines iter.Seq[[]byte], write func([]byte) error, rotate func() error) error {
	start := time.Now()
	next := start.Add(p.RotateEvery)
	n, rotated := 0, 0
	for line := range lines {
		if p.Rate > 0 {
			if err := sleepUntil(ctx, start.Add(time.Duration(n)*time.Second/time.Duration(p.Rate))); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		// kube-apiserver makes no empty backup, however long the first line takes.
		if p.RotateEvery > 0 && n > rotated && !time.Now().Before(next) && (p.MayRotate == nil || p.MayRotate()) {
			next, rotated = time.Now().Add(p.RotateEvery), n // after a stall no burst of tiny files
			if err := rotate(); err != nil {
				return err
			}
		}
		if err := write(line); err != nil {
			return err
		}
		n++
	}
	return nil
}

// sleepUntil waits for t in steps of at least a millisecond: shorter sleeps
// cost more than the lines they pace.
func sleepUntil(ctx context.Context, t time.Time) error {
	wait := time.Until(t)
	if wait < time.Millisecond {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
