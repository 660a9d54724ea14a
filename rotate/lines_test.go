package rotate

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// split feeds content to a splitter in pieces of the given sizes and returns
// the lines as the splitter gives them, with the full lengths.
func split(content []byte, maxLine int, piece func() int) (lines []string, lengths []int64) {
	s := newSplitter(maxLine)
	for {
		for {
			line, n, ok := s.next()
			if !ok {
				break
			}
			lines, lengths = append(lines, string(line)), append(lengths, n)
		}
		if len(content) == 0 {
			break
		}
		n := copy(s.room(), content[:min(piece(), len(content))])
		content = content[n:]
		s.filled(n)
	}
	if line, n, ok := s.rest(); ok {
		lines, lengths = append(lines, string(line)), append(lengths, n)
	}
	return lines, lengths
}

// checkSplit compares a split with what bytes.Lines finds.
func checkSplit(t *testing.T, content []byte, maxLine int, piece func() int) {
	t.Helper()
	lines, lengths := split(content, maxLine, piece)
	i := 0
	for want := range bytes.Lines(content) {
		want = bytes.TrimSuffix(want, []byte("\n"))
		n := int64(len(want))
		if len(want) > maxLine {
			want = want[:min(headSize, maxLine)]
		}
		if i >= len(lines) || lines[i] != string(want) || lengths[i] != n {
			t.Fatalf("line %d of %d with limit %d: want %d bytes of %d", i, len(lines), maxLine, len(want), n)
		}
		i++
	}
	if i != len(lines) {
		t.Fatalf("%d lines, want %d", len(lines), i)
	}
}

func TestSplitterAnyLengths(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, maxLine := range []int{1, 100, headSize, baseBuffer, 400 << 10} {
		var content []byte
		for _, n := range []int{0, 1, 99, 100, 101, headSize - 1, headSize, headSize + 1, 0,
			baseBuffer - 1, baseBuffer, baseBuffer + 1, 400 << 10, 400<<10 + 1, 3, 2 << 20, 0, 7, 1 << 20, 1<<20 + 1, 200 << 10} {
			content = append(content, bytes.Repeat([]byte{'a' + byte(n%26)}, n)...)
			content = append(content, '\n')
		}
		for _, tail := range []int{0, 5, baseBuffer + 5, 2 << 20} {
			whole := append(bytes.Clone(content), bytes.Repeat([]byte{'z'}, tail)...)
			checkSplit(t, whole, maxLine, func() int { return 1 << 30 })
			checkSplit(t, whole, maxLine, func() int { return 1 + random.IntN(3*baseBuffer) })
			checkSplit(t, whole, maxLine, func() int { return 1 + random.IntN(900) })
		}
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
			for _, _, ok := s.next(); ok; _, _, ok = s.next() {
			}
		}
		s.room()
		if len(s.buf) > c.atMost {
			t.Errorf("after a line of %d bytes the buffer has %d, want at most %d", c.line, len(s.buf), c.atMost)
		}
		if peak > defaultMaxLine+baseBuffer {
			t.Errorf("a line of %d bytes took a buffer of %d", c.line, peak)
		}
		if got, _, ok := s.rest(); !ok || string(got) != "next" {
			t.Errorf("after a line of %d bytes: rest %q, %v", c.line, got, ok)
		}
	}
}

func FuzzSplitter(f *testing.F) {
	f.Add([]byte("a\n\nb\r\n\x00\nlong line\nend"), uint8(3), uint8(2))
	f.Add([]byte("\n\n\n"), uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, content []byte, maxLine, piece uint8) {
		checkSplit(t, content, int(maxLine)+1, func() int { return int(piece) + 1 })
	})
}
