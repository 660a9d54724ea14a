package rotate

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(audittest.MillFunction))
}

var must = audittest.Must

// newLog makes an audit directory and returns the log in it.
func newLog(t testing.TB) Log {
	t.Helper()
	return Log{Dir: t.TempDir(), Base: "audit", Ext: ".log"}
}

// source is the Source of these tests. It keeps listed files open, so that no
// inode number comes back, and knows a compressed backup by its name.
type source struct {
	t     testing.TB
	log   Log
	ids   map[string]string // of finished segments, by name
	files map[string]*os.File
	open  string // the ID of the open file

	listings int
}

// held makes a Source of a log.
func held(t testing.TB, log Log) *source {
	t.Helper()
	s := &source{t: t, log: log, ids: map[string]string{}, files: map[string]*os.File{}}
	t.Cleanup(func() {
		for _, f := range s.files {
			must(t, f.Close())
		}
	})
	return s
}

func (s *source) Held() ([]Segment, error) {
	s.listings++
	segments, err := s.log.Segments()
	for i := range segments {
		g := &segments[i]
		known, ok := s.ids[g.Name]
		switch {
		case !g.Finished:
			s.open = g.ID
		case ok:
			g.ID = known
		default:
			// Backups are compressed one by one, and in these tests not deleted.
			if g.Gzip && s.open != "" && index(segments, s.open) < 0 {
				g.ID, s.open = s.open, ""
			}
			s.ids[g.Name] = g.ID
		}
		if s.files[g.ID] == nil {
			if f, err := os.Open(g.Path); err == nil {
				s.files[g.ID] = f
			}
		}
	}
	return segments, err
}

// put appends content to a file of the log's directory, which it makes if it
// is missing.
func (l Log) put(t testing.TB, name, content string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(l.Dir, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	must(t, err)
	_, err = f.WriteString(content)
	must(t, err)
	must(t, f.Close())
}

// move renames a file of the log's directory.
func (l Log) move(t testing.TB, from, to string) {
	t.Helper()
	must(t, os.Rename(filepath.Join(l.Dir, from), filepath.Join(l.Dir, to)))
}

// remove removes a file of the log's directory.
func (l Log) remove(t testing.TB, name string) {
	t.Helper()
	must(t, os.Remove(filepath.Join(l.Dir, name)))
}
