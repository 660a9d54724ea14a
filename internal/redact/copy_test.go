package redact

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// A copy has the lines that Line gives, whatever the pieces that are read.
func TestCopy(t *testing.T) {
	for _, name := range audittest.Names() {
		content := audittest.Corpus(t, name)
		r := newTest(t, Config{})
		var want []byte
		changed := int64(0)
		for line := range bytes.Lines(content) {
			body, newline := bytes.CutSuffix(line, []byte("\n"))
			nuls := len(body) - len(bytes.TrimLeft(body, "\x00"))
			out, did := r.Line(nil, body[nuls:])
			want = append(append(want, body[:nuls]...), out...)
			if newline {
				want = append(want, '\n')
			}
			if did {
				changed++
			}
		}
		var got bytes.Buffer
		tally, err := r.Copy(t.Context(), &got, iotest.HalfReader(bytes.NewReader(content)))
		if err != nil || !bytes.Equal(got.Bytes(), want) || tally != (Tally{changed, int64(len(want))}) {
			t.Errorf("%s: %+v, %v; %d bytes, want %d", name, tally, err, got.Len(), len(want))
		}
		if bytes.Count(want, []byte("\n")) != bytes.Count(content, []byte("\n")) {
			t.Errorf("%s: other lines than before", name)
		}
	}
}

// A line that is too long for memory becomes one marker, that of all its bytes.
func TestCopyLongLine(t *testing.T) {
	long := event("secrets", "create", `"requestObject":{"data":{"a":"`+strings.Repeat("hunter2 ", 1000)+`"}}`)
	r := newTest(t, Config{})
	for _, end := range []string{"\n", "", "\nnext\n"} {
		var out bytes.Buffer
		cp := newCopier(r, &out, strings.NewReader("\x00\x00"+long+end), 1000)
		if err := errors.Join(cp.run(t.Context()), cp.out.Flush()); err != nil {
			t.Fatal(err)
		}
		want := "\x00\x00" + strings.Trim(marker(r, long), `"`) + strings.ReplaceAll(end, "next", strings.Trim(marker(r, "next"), `"`))
		if out.String() != want || cp.tally.Changed < 1 {
			t.Errorf("got  %q\nwant %q", out.String(), want)
		}
	}
}

// A hole in a line takes no memory, and the event behind it is redacted.
func TestI8_CopyOfAHole(t *testing.T) {
	secret := event("secrets", "create", `"requestObject":{"data":{"a":"hunter2"}}`)
	r := newTest(t, Config{})
	want, _ := r.Line(nil, []byte(secret))
	most := MaxLine
	if testing.Short() {
		most = 4 << 20
	}
	for _, c := range []struct {
		most int
		hole int64
	}{
		{most: MaxLine, hole: 100},
		{most: MaxLine, hole: 600 << 10},
		{most: most, hole: int64(most) + 1<<20},
	} {
		hole := c.hole
		var out bytes.Buffer
		zeros := func() io.Reader { return io.LimitReader(zero{}, hole) }
		src := io.MultiReader(zeros(), strings.NewReader(secret+"\n"+secret), zeros(), strings.NewReader(secret+"\n"))
		tally, err := copyUpTo(t.Context(), r, c.most, &out, src)
		lines := bytes.Split(out.Bytes(), []byte("\n"))
		if err != nil || len(lines) != 3 || tally.Bytes != int64(out.Len()) || bytes.Contains(out.Bytes(), []byte("hunter2")) {
			t.Fatalf("%v, %d lines, %+v of %d bytes", err, len(lines), tally, out.Len())
		}
		if !bytes.Equal(bytes.TrimLeft(lines[0], "\x00"), want) || !bytes.HasPrefix(lines[1], want) || !bytes.HasSuffix(lines[1], want) {
			t.Errorf("a hole of %d bytes: other lines than %.200q", hole, want)
		}
		if n := bytes.Count(out.Bytes(), []byte{0}); int64(n) != 2*hole {
			t.Errorf("%d NULs, want %d", n, 2*hole)
		}
	}
}

// copyUpTo is [Redactor.Copy] with the given limit instead of [MaxLine].
func copyUpTo(ctx context.Context, r *Redactor, most int, w io.Writer, src io.Reader) (Tally, error) {
	if most == MaxLine {
		return r.Copy(ctx, w, src)
	}
	c := newCopier(r, w, src, most)
	err := errors.Join(c.run(ctx), c.out.Flush())
	return c.tally, err
}

// zero reads as NULs without end.
type zero struct{}

// Read implements io.Reader.
func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestCopyEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newTest(t, Config{}).Copy(ctx, io.Discard, strings.NewReader("x\n")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	broken := errors.New("broken")
	if _, err := newTest(t, Config{}).Copy(t.Context(), io.Discard, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}
