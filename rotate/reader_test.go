package rotate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"
)

// at returns the n-th backup name of these tests.
func (l Log) at(n int) string {
	return l.BackupName(time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC))
}

// rotateTo does kube-apiserver's moves: rename to the n-th backup, create.
func (l Log) rotateTo(t testing.TB, n int) {
	t.Helper()
	l.move(t, l.Name(), l.at(n))
	l.put(t, l.Name(), "")
}

// newReader makes a Reader that is closed with the test.
func newReader(t testing.TB, src Source, from Position, cfg ReaderConfig) *Reader {
	t.Helper()
	r, err := NewReader(src, from, cfg)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

// text writes down a line: "…|" for one without a newline.
func text(l Line) string {
	s := string(l.Bytes)
	if l.Truncated {
		s += fmt.Sprintf("…%d", l.Len)
	}
	if !l.Terminated {
		s += "|"
	}
	return s
}

// drain reads to the end and writes the lines down, separated by blanks, and
// the breaks in the log by their kinds.
func drain(t testing.TB, r *Reader) string {
	t.Helper()
	var out []string
	for {
		line, err := r.Next()
		_, truncated := errors.AsType[*TruncatedError](err)
		_, gone := errors.AsType[*GoneError](err)
		_, corrupt := errors.AsType[*CorruptError](err)
		switch {
		case err == io.EOF:
			return strings.Join(out, " ")
		case truncated:
			out = append(out, "TRUNCATED")
		case gone:
			out = append(out, "GONE")
		case corrupt:
			out = append(out, "CORRUPT")
		case err != nil:
			t.Fatal(err)
		default:
			if at := (Position{line.Segment, line.End, line.Number}); r.Position() != at {
				t.Fatalf("position %+v after line %+v", r.Position(), line)
			}
			out = append(out, text(line))
		}
		if len(out) > 1e6 {
			t.Fatal("no end")
		}
	}
}

// expect drains and compares.
func expect(t testing.TB, r *Reader, want string) {
	t.Helper()
	if got := drain(t, r); got != want {
		t.Fatalf("got %.300q, want %.300q", got, want)
	}
}

func TestReaderLines(t *testing.T) {
	log := newLog(t)
	log.put(t, log.at(1), "a\n\nb\r\n\x00\x00c\nend")
	log.put(t, log.at(2), "")
	log.put(t, log.at(3), "x\n")
	log.put(t, log.Name(), "y\nhalf")
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	ids := listedIDs(t, log)
	for i, want := range []Line{
		{Segment: ids[0], Offset: 0, End: 2, Number: 1, Bytes: []byte("a"), Terminated: true, Len: 1},
		{Segment: ids[0], Offset: 2, End: 3, Number: 2, Bytes: []byte(""), Terminated: true, Len: 0},
		{Segment: ids[0], Offset: 3, End: 6, Number: 3, Bytes: []byte("b\r"), Terminated: true, Len: 2},
		{Segment: ids[0], Offset: 6, End: 10, Number: 4, NULs: 2, Bytes: []byte("c"), Terminated: true, Len: 3},
		{Segment: ids[0], Offset: 10, End: 13, Number: 5, Bytes: []byte("end"), Terminated: false, Len: 3},
		{Segment: ids[2], Offset: 0, End: 2, Number: 1, Bytes: []byte("x"), Terminated: true, Len: 1},
		{Segment: ids[3], Offset: 0, End: 2, Number: 1, Bytes: []byte("y"), Terminated: true, Len: 1},
	} {
		got, err := r.Next()
		must(t, err)
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("line %d:\ngot  %+v\nwant %+v", i, got, want)
		}
	}
	expect(t, r, "")
	log.put(t, log.Name(), "line\n")
	expect(t, r, "halfline")
}

// TestReaderOpensLongLines reads them where they are, in every kind of segment.
func TestReaderOpensLongLines(t *testing.T) {
	half := strings.Repeat("long ", 50<<10)
	long, hole := half+"\x00"+half, strings.Repeat("\x00", 3*holeSize)
	log := newLog(t)
	log.put(t, log.at(1)+".gz", packed(t, "a\n\x00\x00"+long+"1\nb\n"))
	log.put(t, log.at(2), hole+long+"2\n"+long+"3")
	log.put(t, log.Name(), "c\n"+long+"4\n")
	r := newReader(t, held(t, log), Position{}, ReaderConfig{MaxLine: 100 << 10})
	found := 0
	for {
		line, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		if !line.Truncated {
			continue
		}
		found++
		if found == 4 {
			log.rotateTo(t, 3) // and the path is another file's
		}
		f, err := r.OpenLine(line)
		must(t, err)
		got, err := io.ReadAll(f)
		must(t, err)
		must(t, f.Close())
		if string(got) != long+fmt.Sprint(found) || len(line.Bytes) != headSize {
			t.Errorf("line %d: %d bytes %.10q…%q", found, len(got), got, got[max(0, len(got)-5):])
		}
	}
	if found != 4 {
		t.Errorf("%d long lines, want 4", found)
	}
	log.put(t, log.Name(), "\x00"+half+hole+half+"\n")
	line, err := r.Next()
	must(t, err)
	if _, err := r.OpenLine(line); !line.Truncated || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a hole within a line: %v", err)
	}
	var gone *GoneError
	if _, err := r.OpenLine(Line{Segment: "another", Offset: 7, Number: 3}); !errors.As(err, &gone) || gone.Position.Line != 2 {
		t.Errorf("a line of a segment that is not there: %v", err)
	}
	must(t, r.Close())
	if _, err := r.OpenLine(Line{}); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// listedIDs lists the IDs of the segments.
func listedIDs(t testing.TB, log Log) (ids []string) {
	t.Helper()
	segments, err := log.Segments()
	must(t, err)
	for _, s := range segments {
		ids = append(ids, s.ID)
	}
	return ids
}

func TestReaderResumesAtEveryPosition(t *testing.T) {
	log := newLog(t)
	log.put(t, log.at(1), "a1\na2\na3")
	log.put(t, log.at(2)+".gz", packed(t, "b1\n\nb3\n"))
	log.put(t, log.at(3), "")
	log.put(t, log.Name(), "c1\nc2\n")
	var all []string
	var positions []Position
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	for {
		line, err := r.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		all = append(all, fmt.Sprintf("%d:%s", line.Number, text(line)))
		positions = append(positions, r.Position())
	}
	if got := strings.Join(all, " "); got != "1:a1 2:a2 3:a3| 1:b1 2: 3:b3 1:c1 2:c2" {
		t.Fatalf("got %s", got)
	}
	for i, from := range positions {
		r := newReader(t, held(t, log), from, ReaderConfig{})
		var rest []string
		for line, err := r.Next(); err != io.EOF; line, err = r.Next() {
			must(t, err)
			rest = append(rest, fmt.Sprintf("%d:%s", line.Number, text(line)))
		}
		if fmt.Sprint(rest) != fmt.Sprint(all[i+1:]) {
			t.Errorf("from %+v: got %v, want %v", from, rest, all[i+1:])
		}
	}
}

func TestReaderNeverGivesHalfALine(t *testing.T) {
	log := newLog(t)
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	expect(t, r, "")
	content := "first line\n\nthird\n"
	var got string
	for i := range content {
		log.put(t, log.Name(), content[i:i+1])
		for line, err := r.Next(); err != io.EOF; line, err = r.Next() {
			must(t, err)
			got += text(line) + "\n"
		}
		if want := content[:strings.LastIndex(content[:i+1], "\n")+1]; got != want {
			t.Fatalf("after %d bytes: %q, want %q", i+1, got, want)
		}
	}
}

func TestReaderLongLines(t *testing.T) {
	log := newLog(t)
	long := strings.Repeat("l", 300<<10)
	log.put(t, log.Name(), "a\n"+long)
	r := newReader(t, held(t, log), Position{}, ReaderConfig{MaxLine: 200 << 10})
	expect(t, r, "a")
	log.put(t, log.Name(), long)
	expect(t, r, "") // still not whole
	log.put(t, log.Name(), "\nb\n"+long[:200<<10]+"\n"+long[:200<<10+1])
	expect(t, r, long[:headSize]+"…614400 b "+long[:200<<10])
	log.rotateTo(t, 1)
	line, err := r.Next()
	must(t, err)
	if !line.Truncated || line.Terminated || line.Len != 200<<10+1 || line.Number != 5 || len(line.Bytes) != headSize {
		t.Errorf("line %d: %d of %d bytes, truncated %v, terminated %v", line.Number, len(line.Bytes), line.Len, line.Truncated, line.Terminated)
	}
	if line.End-line.Offset != line.Len {
		t.Errorf("from %d to %d is not %d bytes", line.Offset, line.End, line.Len)
	}
}

func TestReaderLag(t *testing.T) {
	log := newLog(t)
	log.put(t, log.at(1), "12\n45\n")
	log.put(t, log.at(2), "78\n")
	log.put(t, log.Name(), "10\n13\n16")
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	for i, want := range []int64{17, 14, 11, 8, 5, 2} {
		if got, err := r.Lag(); got != want || err != nil {
			t.Errorf("after %d lines: lag %d, %v; want %d", i, got, err, want)
		}
		if _, err := r.Next(); err != nil && i < 5 {
			t.Fatal(err)
		}
	}
	r = newReader(t, held(t, log), Position{Segment: listedIDs(t, log)[1], Offset: 3, Line: 1}, ReaderConfig{})
	if got, err := r.Lag(); got != 8 || err != nil {
		t.Errorf("before the first call: lag %d, %v; want 8", got, err)
	}
	must(t, os.RemoveAll(log.Dir))
	if _, err := r.Lag(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestReaderClosed(t *testing.T) {
	log := newLog(t)
	log.put(t, log.Name(), "1\n2\n")
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	_, err := r.Next()
	must(t, err)
	before := r.Position()
	must(t, r.Close())
	must(t, r.Close())
	if _, err := r.Next(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("error %v", err)
	}
	if r.Position() != before {
		t.Errorf("position %+v, was %+v", r.Position(), before)
	}
}

func TestNewReaderRefuses(t *testing.T) {
	_, err := NewReader(nil, Position{Offset: -1}, ReaderConfig{MaxLine: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range []string{"source", "MaxLine", "negative", "no segment"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not speak of %q", err, word)
		}
	}
}
