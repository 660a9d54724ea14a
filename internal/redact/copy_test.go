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

// Of a line that is too long for memory the beginning is kept, as of a torn
// one, and no more of it is looked at than fits.
func TestCopyLongLine(t *testing.T) {
	head, _, _ := strings.Cut(event("secrets", "create", `"requestObject":{}`), `,"responseStatus"`)
	secret := strings.Repeat("hunter2 ", 1000)
	r := newTest(t, Config{})
	for _, c := range []struct{ line, kept string }{
		{head + `,"requestObject":{"data":{"a":"` + secret + `"}}}`, head},
		{strings.Replace(head, "secrets\"", "x?token=hunter2\"", 1) + `,"requestObject":{"data":"` + secret, ""},
		{secret, ""},
	} {
		if c.kept == "" && strings.HasPrefix(c.line, "{") {
			before, after, _ := strings.Cut(head, `secrets"`)
			c.kept = before + "x?token=" + strings.Trim(marker(r, "hunter2"), `"`) + `"` + after
		}
		for _, end := range []string{"\n", ""} {
			var out bytes.Buffer
			next := ""
			if end != "" {
				next = "next"
			}
			cp := newCopier(r, &out, strings.NewReader("\x00\x00"+c.line+end+next), 1000)
			if err := errors.Join(cp.run(t.Context()), cp.out.Flush()); err != nil {
				t.Fatal(err)
			}
			got := out.String()
			if !strings.HasPrefix(got, "\x00\x00"+c.kept+markerPrefix) || strings.Contains(got, "hunter2") || end != "" && !strings.Contains(got, "\n"+markerPrefix) || cp.tally.Changed < 1 {
				t.Errorf("got %q", got)
			}
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
