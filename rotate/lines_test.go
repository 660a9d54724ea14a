package rotate

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// split feeds content to a splitter in pieces of the given sizes and returns
// the lines as the splitter gives them, with the full lengths and
// the NULs before them.
func split(content []byte, maxLine int, piece func() int) (lines []string, lengths, nuls []int64) {
	s := newSplitter(maxLine)
	for {
		for {
			p, ok := s.next()
			if !ok {
				break
			}
			lines, lengths = append(lines, string(p.bytes)), append(lengths, p.length)
			nuls = append(nuls, p.nuls)
		}
		if len(content) == 0 {
			break
		}
		n := copy(s.room(), content[:min(piece(), len(content))])
		content = content[n:]
		s.filled(n)
	}
	if p, ok := s.rest(); ok {
		lines, lengths, nuls = append(lines, string(p.bytes)), append(lengths, p.length), append(nuls, p.nuls)
	}
	return lines, lengths, nuls
}

// withoutHoles leaves one byte of each hole.
func withoutHoles(line []byte) []byte {
	hole := make([]byte, holeSize)
	for {
		before, after, found := bytes.Cut(line, hole)
		if !found {
			return line
		}
		line = slices.Concat(before, []byte{0}, bytes.TrimLeft(after, "\x00"))
	}
}

// checkSplit compares a split with the lines of bytes.Lines.
func checkSplit(t *testing.T, content []byte, maxLine int, piece func() int) {
	t.Helper()
	lines, lengths, nuls := split(content, maxLine, piece)
	i := 0
	for want := range bytes.Lines(content) {
		want = bytes.TrimSuffix(want, []byte("\n"))
		n := int64(len(want))
		want = withoutHoles(bytes.TrimLeft(want, "\x00"))
		hole := n - int64(len(want))
		if len(want) > maxLine {
			want = want[:min(headSize, maxLine)]
		}
		if i >= len(lines) || lines[i] != string(want) || lengths[i] != n || nuls[i] != hole {
			t.Fatalf("line %d of %d with limit %d: want %d bytes of %d after %d NULs", i, len(lines), maxLine, len(want), n, hole)
		}
		i++
	}
	if i != len(lines) {
		t.Fatalf("%d lines, want %d", len(lines), i)
	}
}

func TestSplitterAnyLengths(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for i, maxLine := range []int{1, 100, headSize, baseBuffer, 400 << 10} {
		var content []byte
		for _, n := range []int{0, 1, 99, 100, 101, headSize - 1, headSize, headSize + 1, 0,
			baseBuffer - 1, baseBuffer, baseBuffer + 1, 400 << 10, 400<<10 + 1, 3, 2 << 20, 0, 7, 1 << 20, 1<<20 + 1, 200 << 10} {
			content = append(content, bytes.Repeat([]byte{'a' + byte(n%26)}, n)...)
			content = append(content, '\n')
		}
		for k, tail := range []int{0, 5, baseBuffer + 5, 2 << 20} {
			if testing.Short() && k != i%4 {
				continue
			}
			whole := append(bytes.Clone(content), bytes.Repeat([]byte{'z'}, tail)...)
			checkSplit(t, whole, maxLine, func() int { return 1 << 30 })
			checkSplit(t, whole, maxLine, func() int { return 1 + random.IntN(3*baseBuffer) })
			checkSplit(t, whole, maxLine, func() int { return 1 + random.IntN(900) })
		}
	}
}

func TestSplitterSkipsHoles(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var content []byte
	for _, n := range []int{0, 1, 7, 8, 9, baseBuffer - 1, baseBuffer, 700 << 10} {
		hole := string(make([]byte, n))
		for _, event := range []string{"", "event", "event\x00\x00event", "torn" + hole + "event" + hole, strings.Repeat("e", 200<<10)} {
			content = append(content, make([]byte, n)...)
			content = append(content, event+"\n"...)
		}
	}
	for i, tail := range []int{0, 5, 2 * baseBuffer} {
		whole := append(bytes.Clone(content), make([]byte, tail)...)
		for k, maxLine := range []int{headSize + holeSize, 250 << 10, 400 << 10} {
			if testing.Short() && k != i {
				continue
			}
			checkSplit(t, whole, maxLine, func() int { return 1 << 30 })
			checkSplit(t, whole, maxLine, func() int { return 1 + random.IntN(3*baseBuffer) })
			checkSplit(t, whole, maxLine, func() int { return 1 + random.IntN(900) })
		}
	}
}

func TestI8_SplitterHoldsNoHole(t *testing.T) {
	maxLine, hole := defaultMaxLine, 40<<20
	if testing.Short() {
		maxLine, hole = maxLine/8, hole/8
	}
	s := newSplitter(maxLine)
	nuls := make([]byte, baseBuffer)
	for range hole / baseBuffer {
		s.filled(copy(s.room(), nuls))
		if _, ok := s.next(); ok || len(s.buf) > baseBuffer {
			t.Fatalf("a line: %v, a buffer of %d bytes", ok, len(s.buf))
		}
	}
	s.filled(copy(s.room(), "event\n"))
	if p, ok := s.next(); !ok || string(p.bytes) != "event" || p.nuls != int64(hole) || p.length != int64(hole)+5 {
		t.Errorf("%v: %.20q of %d bytes after %d NULs", ok, p.bytes, p.length, p.nuls)
	}
}

func TestI8_SplitterGivesALargeBufferBack(t *testing.T) {
	for _, c := range []struct {
		line, atMost int
	}{
		{1000, baseBuffer}, {keptBuffer - 1, keptBuffer}, {4 << 20, baseBuffer}, {20 << 20, baseBuffer},
	} {
		s := newSplitter(defaultMaxLine)
		peak := 0
		content := []byte(strings.Repeat("x", c.line) + "\nnext")
		for len(content) > 0 {
			n := copy(s.room(), content)
			s.filled(n)
			content = content[n:]
			peak = max(peak, len(s.buf))
			for _, ok := s.next(); ok; _, ok = s.next() {
			}
		}
		s.room()
		if len(s.buf) > c.atMost {
			t.Errorf("after a line of %d bytes the buffer has %d, want at most %d", c.line, len(s.buf), c.atMost)
		}
		if peak > defaultMaxLine+baseBuffer {
			t.Errorf("a line of %d bytes took a buffer of %d", c.line, peak)
		}
		if got, ok := s.rest(); !ok || string(got.bytes) != "next" {
			t.Errorf("after a line of %d bytes: rest %q, %v", c.line, got.bytes, ok)
		}
	}
}

func FuzzSplitter(f *testing.F) {
	f.Add([]byte("a\n\nb\r\n\x00\nlong line\nend"), uint8(3), uint8(2))
	f.Add([]byte("\n\n\n"), uint8(0), uint8(0))
	f.Add([]byte("\x00\x00\x00a\x00\n\x00\x00\nab\x00\x00"), uint8(1), uint8(1))
	f.Fuzz(func(t *testing.T, content []byte, maxLine, piece uint8) {
		checkSplit(t, content, int(maxLine)+1, func() int { return int(piece) + 1 })
	})
}
