package rotate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// staleSource gives an old listing at first.
type staleSource struct {
	old []Segment
	log Log
}

func (s *staleSource) Held() ([]Segment, error) {
	if old := s.old; old != nil {
		s.old = nil
		return old, nil
	}
	return s.log.Segments()
}

func TestReaderFileMovesBetweenListingAndOpen(t *testing.T) {
	log := newLog(t)
	log.put(t, log.Name(), "1\n")
	old, err := log.Segments()
	must(t, err)
	log.move(t, log.Name(), log.at(1))
	r := newReader(t, &staleSource{old, log}, Position{}, ReaderConfig{})
	expect(t, r, "1") // there is no audit.log
	log.put(t, log.Name(), "2\n")
	r = newReader(t, &staleSource{old, log}, Position{}, ReaderConfig{})
	expect(t, r, "1 2") // audit.log is another file
}

func TestReaderFileGoesBetweenListingAndOpen(t *testing.T) {
	log := newLog(t)
	log.put(t, log.at(1), "1\n")
	log.put(t, log.Name(), "2\n")
	old, err := log.Segments()
	must(t, err)
	log.remove(t, log.at(1))
	r := newReader(t, &staleSource{old, log}, Position{}, ReaderConfig{})
	expect(t, r, "GONE 2")
}

func TestI9_ReaderReportsTruncation(t *testing.T) {
	log := newLog(t)
	log.put(t, log.Name(), "one\ntwo\nhalf")
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	expect(t, r, "one two")
	must(t, os.Truncate(log.Path(), 0))
	_, err := r.Next()
	e, ok := errors.AsType[*TruncatedError](err)
	if !ok || e.Offset != 8 || e.Size != 0 || e.Path != log.Path() || e.Segment != r.Position().Segment {
		t.Fatalf("error %v (%+v)", err, e)
	}
	expect(t, r, "")
	log.put(t, log.Name(), "three\n")
	line, err := r.Next()
	must(t, err)
	if text(line) != "three" || line.Offset != 0 || line.Number != 1 {
		t.Errorf("got %+v", line)
	}
	must(t, os.Truncate(log.Path(), 2))
	log.rotateTo(t, 1)
	log.put(t, log.Name(), "four\n")
	expect(t, r, "TRUNCATED th| four")

	log.put(t, log.Name(), "five\nhalf")
	expect(t, r, "five")
	must(t, os.Truncate(log.Path(), 5)) // after "four", within the part read
	log.rotateTo(t, 2)
	expect(t, r, "TRUNCATED four")
}

func TestReaderStartsBeyondTheEnd(t *testing.T) {
	log := newLog(t)
	log.put(t, log.at(1)+".gz", packed(t, "1\n"))
	log.put(t, log.Name(), "2\n")
	for i, want := range []string{"TRUNCATED 1 2", "TRUNCATED 2"} {
		from := Position{Segment: listedIDs(t, log)[i], Offset: 100, Line: 9}
		r := newReader(t, held(t, log), from, ReaderConfig{})
		expect(t, r, want)
	}
}

func TestI9_ReaderReportsALostSegment(t *testing.T) {
	log := newLog(t)
	from := Position{Segment: "1-1", Offset: 5, Line: 1}
	r := newReader(t, held(t, log), from, ReaderConfig{})
	_, err := r.Next()
	e, ok := errors.AsType[*GoneError](err)
	if !ok || e.Position != from {
		t.Fatalf("error %v", err)
	}
	expect(t, r, "")
	log.put(t, log.at(1), "1\n")
	log.put(t, log.Name(), "2\n")
	expect(t, r, "1 2")
}

func TestI9_ReaderReportsDamage(t *testing.T) {
	log := newLog(t)
	whole := packed(t, "1\n")
	var content strings.Builder
	random := rand.New(rand.NewPCG(5, 6))
	for range 5000 {
		fmt.Fprintf(&content, "%016x\n", random.Uint64())
	}
	half := packed(t, content.String())
	log.put(t, log.at(1)+".gz", whole[:5])            // not even a header
	log.put(t, log.at(2)+".gz", whole[:len(whole)-3]) // all content, its checksum cut
	log.put(t, log.at(3)+".gz", half[:len(half)/2])
	log.put(t, log.Name(), "end\n")
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	got := drain(t, r)
	part, ok := strings.CutPrefix(got, "CORRUPT 1 CORRUPT ")
	part, ok2 := strings.CutSuffix(part, "| CORRUPT end")
	part = strings.ReplaceAll(part, " ", "\n")
	if !ok || !ok2 || !strings.HasPrefix(content.String(), part) || len(part) < content.Len()/4 {
		t.Errorf("got %.100q … %.100q", got, got[max(0, len(got)-100):])
	}
	r = newReader(t, held(t, log), Position{}, ReaderConfig{})
	_, err := r.Next()
	e, ok := errors.AsType[*CorruptError](err)
	if !ok || !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), log.at(1)+".gz") || e.Position.Offset != 0 {
		t.Errorf("error %v (%+v)", err, e)
	}
}

func TestReaderUnreadableFileSkipsNothing(t *testing.T) {
	log := newLog(t)
	log.put(t, log.at(1), "1\n")
	log.put(t, log.Name(), "2\n")
	must(t, os.Chmod(log.Dir, 0o755))
	must(t, os.Chmod(filepath.Dir(log.Dir), 0o755))
	must(t, os.Chmod(log.Path(), 0o644))
	must(t, os.Chmod(filepath.Join(log.Dir, log.at(1)), 0))
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	asNobody(t, func() {
		for range 3 {
			if _, err := r.Next(); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), log.at(1)) {
				t.Errorf("error %v", err)
			}
		}
	})
	must(t, os.Chmod(filepath.Join(log.Dir, log.at(1)), 0o600))
	expect(t, r, "1 2")
}

func TestReaderMissingDirectoryThatComes(t *testing.T) {
	log := Log{Dir: filepath.Join(t.TempDir(), "later"), Base: "audit", Ext: ".log"}
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	for range 2 {
		if _, err := r.Next(); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("error %v", err)
		}
	}
	must(t, os.Mkdir(log.Dir, 0o700))
	expect(t, r, "")
	log.put(t, log.Name(), "1\n")
	expect(t, r, "1")
}
