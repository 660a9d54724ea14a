package terminal

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Two of four files, 20 MB in 10 s: half is done, and takes as long again.
func TestFileProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var terminal bytes.Buffer
		p := NewFileProgress(&terminal, nil, 4)
		p.out, p.begun = &terminal, map[string]time.Time{}
		for range 2 {
			f := p.Begin(10e6)
			for range 5 {
				time.Sleep(time.Second)
				_, _ = f.Write(make([]byte, 2e6)) // never fails
			}
			p.End(f)
		}
		time.Sleep(5 * time.Second)
		p.End(nil) // one that is left out
		f := p.Begin(10e6)
		time.Sleep(time.Second)
		p.End(f)
		p.Clear()
		shown := strings.Split(terminal.String(), "\r\x1b[K")
		for _, want := range []string{
			"[" + strings.Repeat(" ", 30) + "] 0/4 files",
			"[===" + strings.Repeat(" ", 27) + "] 0/4 files, 2.0 MB/s, 18s left",
			"[===============" + strings.Repeat(" ", 15) + "] 1/4 files, 2.0 MB/s, 10s left",
			"[======================" + strings.Repeat(" ", 8) + "] 3/4 files, 1.3 MB/s, 5s left",
			"[" + strings.Repeat("=", 30) + "] 4/4 files, 1.2 MB/s, 0s left",
		} {
			if n := strings.Count(strings.Join(shown, "\n")+"\n", want+"\n"); n == 0 {
				t.Errorf("%q is missing in %q", want, shown)
			}
		}
		if last := shown[len(shown)-1]; last != "" {
			t.Errorf("%q is left on the terminal", last)
		}
	})
}

// A stage shows its rate, and the time left once its total is known: of a thousand a second,
// a quarter is done in a second and a half.
func TestBar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var terminal bytes.Buffer
		b := &Bar{out: &terminal, begun: map[string]time.Time{}}
		for i := range int64(2000) {
			b.Update("keys", i, 0)
			time.Sleep(time.Millisecond)
		}
		for i := range int64(1500) {
			b.Update("objects", i, 6000)
			time.Sleep(time.Millisecond)
		}
		b.Update("objects", 6000, 6000)
		for _, want := range []string{
			"[" + strings.Repeat(" ", 30) + "] 0 keys",
			"[" + strings.Repeat(" ", 30) + "] 1900 keys, 1000/s",
			"[=====" + strings.Repeat(" ", 25) + "] 1000/6000 objects, 1000/s, 5s left",
			"[" + strings.Repeat("=", 30) + "] 6000/6000 objects, 4000/s, 0s left",
		} {
			if !strings.Contains(terminal.String()+"\r", want+"\r") {
				t.Errorf("%q is missing in %q", want, terminal.String())
			}
		}
	})
}

// Files that are written side by side count as far as each is.
func TestProgressOfFilesSideBySide(t *testing.T) {
	var terminal bytes.Buffer
	p := NewFileProgress(&terminal, nil, 2)
	p.out, p.begun = &terminal, map[string]time.Time{}
	a, b := p.Begin(100), p.Begin(100)
	_, _ = a.Write(make([]byte, 50)) // never fails
	_, _ = b.Write(make([]byte, 50))
	if p.part != 1 || p.bytes != 100 {
		t.Errorf("%v of a file, %d bytes; want 1, 100", p.part, p.bytes)
	}
	p.End(b)
	p.End(a)
	if p.part != 0 || p.done != 2 {
		t.Errorf("%v of a file beside %d", p.part, p.done)
	}
}

// Ten times a second is often enough.
func TestProgressIsNotShownTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var terminal bytes.Buffer
		p := NewFileProgress(&terminal, nil, 2)
		p.out, p.begun = &terminal, map[string]time.Time{}
		f := p.Begin(1e9)
		for range 1000 {
			time.Sleep(time.Millisecond)
			_, _ = f.Write(make([]byte, 10)) // never fails
		}
		if n := strings.Count(terminal.String(), "\r"); n < 9 || n > 11 {
			t.Errorf("shown %d times in a second", n)
		}
	})
}

// Other outputs than a terminal get nothing.
func TestNoProgressInAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stderr")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := NewFileProgress(f, f, 1)
	part := p.Begin(1)
	_, _ = part.Write([]byte("x")) // never fails
	p.End(part)
	p.Clear()
	if got, err := os.ReadFile(path); err != nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
}

// A message takes the bar's place, and the bar comes again below it.
func TestMessagesStandAboveTheBar(t *testing.T) {
	var terminal bytes.Buffer
	p := NewFileProgress(&terminal, nil, 1)
	p.out, p.begun = &terminal, map[string]time.Time{}
	part := p.Begin(10)
	if _, err := p.Above(&terminal).Write([]byte("a message\n")); err != nil {
		t.Fatal(err)
	}
	p.End(part)
	if got := terminal.String(); !strings.Contains(got, "\r\x1b[Ka message\n\r\x1b[K[") {
		t.Errorf("%q", got)
	}
}
