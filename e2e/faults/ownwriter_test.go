//go:build e2e

package faults

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// ownWriter makes the moves of kube-apiserver's rotation (close, rename,
// create without O_APPEND, prune by the time in the name) with a clock that can
// be set, and can delete a backup between the rename and the create: lumberjack
// has a door for neither.
type ownWriter struct {
	log    string
	ahead  time.Duration // of the clock
	keep   int           // backups; 0: all
	delete bool          // each backup at once

	open  *os.File
	files []audittest.File
	late  map[string]bool // the stage's
}

// stalled is how long after a rename the new file may be created without a look of a file between
// the two: half of what the sidecar allows.
const stalled = 250 * time.Millisecond

// ownWriter takes the place of the scenario's writer.
func (s *stage) ownWriter(keep int) *ownWriter {
	s.t.Helper()
	s.must(s.writer.Close())
	s.late = map[string]bool{}
	w := &ownWriter{log: s.log, keep: keep, late: s.late}
	s.must(w.create())
	s.t.Cleanup(func() { _ = w.open.Close() })
	s.account, s.rotate = func() []audittest.File { return slices.Clone(w.files) }, w.rotate
	return w
}

// create makes the new audit.log and links it into the account.
func (w *ownWriter) create() (err error) {
	if w.open, err = os.OpenFile(w.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600); err != nil {
		return err
	}
	link := filepath.Join(filepath.Dir(w.log)+".account", fmt.Sprintf("own-%06d", len(w.files)))
	w.files = append(w.files, audittest.File{Name: filepath.Base(w.log), Path: link})
	return os.Link(w.log, link)
}

func (w *ownWriter) writeLine(line []byte) error {
	line = append(bytes.Clone(line), '\n')
	if _, stamp, ok := bytes.Cut(line, []byte(`"stageTimestamp":"`)); ok && w.ahead != 0 {
		const layout = "2006-01-02T15:04:05.000000Z" // kube-apiserver's
		if at, err := time.Parse(layout, string(stamp[:min(len(stamp), len(layout))])); err == nil {
			copy(stamp, at.Add(w.ahead).Format(layout))
		}
	}
	n, err := w.open.Write(line)
	f := &w.files[len(w.files)-1]
	f.Bytes += int64(n)
	f.Lines++
	return err
}

func (w *ownWriter) rotate() error {
	if err := w.open.Close(); err != nil {
		return err
	}
	now := time.Now()
	name := "audit-" + now.Add(w.ahead).UTC().Format("2006-01-02T15-04-05.000") + ".log"
	backup := filepath.Join(filepath.Dir(w.log), name)
	if err := os.Rename(w.log, backup); err != nil {
		return err
	}
	w.files[len(w.files)-1].Name, w.files[len(w.files)-1].Finished = name, true
	if w.delete {
		if err := os.Remove(backup); err != nil {
			return err
		}
	}
	if err := w.create(); err != nil {
		return err
	}
	if time.Since(now) > stalled {
		w.late[name] = true
	}
	return w.prune()
}

// prune deletes the backups with the oldest names.
func (w *ownWriter) prune() error {
	backups, err := filepath.Glob(filepath.Join(filepath.Dir(w.log), "audit-*.log"))
	if err != nil || w.keep == 0 {
		return err
	}
	slices.Sort(backups)
	for len(backups) > w.keep {
		if err := os.Remove(backups[0]); err != nil {
			return err
		}
		backups = backups[1:]
	}
	return nil
}

// write writes fresh lines at a rate for some time.
func (w *ownWriter) write(s *stage, rate int, d, rotateEvery time.Duration) {
	s.t.Helper()
	pace := audittest.Pace{Rate: rate, RotateEvery: rotateEvery, MayRotate: s.openIsHeld}
	s.must(pace.Write(s.t.Context(), s.fresh(int(float64(rate)*d.Seconds())), w.writeLine, w.rotate))
}
