package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog/catalogtest"
)

func (s shelf) again(key string, spoil func([]byte) []byte) (copied string) {
	return s.shelf().Again(key, spoil)
}

func flipMiddle(data []byte) []byte {
	data[len(data)/2] ^= 1
	return data
}

// TestI10_RestoreOfWhatWasStoredAgain: damaged objects stay in the archive, and
// restore takes the copies that were confirmed.
func TestI10_RestoreOfWhatWasStoredAgain(t *testing.T) {
	a, b, c := logLine("a", "22"), logLine("b", "22"), logLine("c", "22")
	const first, second = "2026-11-22T13-00-00.000", "2026-11-22T14-00-00.000"
	key := func(seq int64, rotated string) archive.Key {
		return archive.Key{Kind: archive.KindData, Cluster: "c", Node: "n", Epoch: epochOne, Seq: seq, Day: "2026-11-22", Rotated: rotated}
	}
	cut := func(data []byte) []byte { return data[:len(data)/3] }
	same := func(data []byte) []byte { return data }
	for name, spoil := range map[string]func([]byte) []byte{"a bit": flipMiddle, "cut": cut, "may not be read": same} {
		t.Run(name, func(t *testing.T) {
			s := shelf{t, t.TempDir()}
			s.file(epochOne, 1, first, a)
			copied, err := archive.ParseKey(s.again(key(1, first).String(), spoil))
			must(t, err)
			s.recordOf(epochOne, 1, fileRecord("audit.log"), copied)
			s.again(catalogtest.RecordKey(epochOne, 1), spoil)
			s.file(epochOne, 2, second, b)
			s.again(key(2, second).String(), spoil) // not recorded yet
			s.parts(epochOne, 3, c, 0, len(c))
			s.again(archive.OpenKey("c", "2026-11-22", "n", epochOne, 3, 0, int64(len(c))), spoil)
			for _, arg := range []string{s.dir, "file://" + s.dir} {
				if got := ok(t, "restore", arg, "--unrecorded").stdout; got != a+b+c {
					t.Errorf("%s: restored %q", arg, auditIDs(got))
				}
				r := ok(t, "restore", arg) // the record of the second may be on its way
				if !strings.Contains(r.stderr, "note: left out 1 object without a record yet") || !strings.Contains(r.stderr, "-00000002") {
					t.Errorf("%s: %q", arg, r.stderr)
				}
				if r.stdout != a+c {
					t.Errorf("%s: restored %q without those that are not recorded", arg, auditIDs(r.stdout))
				}
			}
		})
	}
}

// TestI10_ARecordDecidesBetweenCopies: a later copy that no record names is not
// taken for the object.
func TestI10_ARecordDecidesBetweenCopies(t *testing.T) {
	s := shelf{t, t.TempDir()}
	const rotated = "2026-11-22T13-00-00.000"
	s.file(epochOne, 1, rotated, logLine("forged", "22"))
	key := archive.Key{Kind: archive.KindData, Cluster: "c", Node: "n", Epoch: epochOne, Seq: 1, Day: "2026-11-22", Rotated: rotated}
	must(t, os.Rename(filepath.Join(s.dir, key.String()), filepath.Join(s.dir, archive.NextCopy(key.String()))))
	s.file(epochOne, 1, rotated, logLine("true", "22"))
	s.recordOf(epochOne, 1, fileRecord("audit.log"), key)
	for _, arg := range []string{s.dir, "file://" + s.dir} {
		if got := ok(t, "restore", arg).stdout; got != logLine("true", "22") {
			t.Errorf("%s: restored %q", arg, auditIDs(got))
		}
	}
}
