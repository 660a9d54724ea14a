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
