package rotate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// follower reads a log in a goroutine of the test and puts it together again.
type follower struct {
	files map[string]*bytes.Buffer // by segment
	order []string
	err   error
}

// follow reads until ctx ends and then to the end, with pauses that let
// rotations pile up.
func (f *follower) follow(ctx context.Context, r *Reader, poke <-chan struct{}) {
	f.files = make(map[string]*bytes.Buffer)
	for {
		last := ctx.Err() != nil
		if f.err = f.take(r); f.err != nil || last {
			return
		}
		select {
		case <-ctx.Done():
		case <-poke:
		case <-time.After(100 * time.Millisecond): // a poke may be lost
		}
	}
}

// take reads to the end.
func (f *follower) take(r *Reader) error {
	for {
		line, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		file := f.files[line.Segment]
		if file == nil {
			file = new(bytes.Buffer)
			f.files[line.Segment] = file
			f.order = append(f.order, line.Segment)
		}
		if line.Offset != int64(file.Len()) || line.Truncated {
			return fmt.Errorf("line %d of %s is at %d, %d bytes were read", line.Number, line.Segment, line.Offset, file.Len())
		}
		file.Write(make([]byte, line.NULs))
		file.Write(line.Bytes)
		if line.Terminated {
			file.WriteByte('\n')
		}
	}
}

// compare checks the lines read against those written, file by file.
func (f *follower) compare(t *testing.T, w *audittest.Writer) {
	t.Helper()
	must(t, f.err)
	i := 0
	for _, file := range w.Files() {
		if file.Bytes == 0 {
			continue // yields no line
		}
		want, err := os.ReadFile(file.Path)
		must(t, err)
		if i == len(f.order) {
			t.Fatalf("%s (%d bytes) was not read", file.Name, file.Bytes)
		}
		if got := f.files[f.order[i]].Bytes(); !bytes.Equal(got, want) {
			t.Fatalf("%s: %d bytes read, %d written, or they differ", file.Name, len(got), len(want))
		}
		i++
	}
	if i != len(f.order) {
		t.Errorf("%d files were read, %d written", len(f.order), i)
	}
	t.Logf("%d files, %d lines, %d bytes", len(w.Files()), w.Lines(), w.Bytes())
}

// newWriter makes kube-apiserver's writer for a log.
func newWriter(t *testing.T, cfg audittest.Config) (Log, *audittest.Writer) {
	t.Helper()
	dir := t.TempDir()
	cfg.Path, cfg.Account = filepath.Join(dir, "audit", "audit.log"), filepath.Join(dir, "account")
	w, err := audittest.NewWriter(cfg)
	must(t, err)
	t.Cleanup(func() { must(t, w.Close()) })
	log, err := ParsePath(cfg.Path)
	must(t, err)
	return log, w
}

func TestReaderFollowsKubeAPIServersWriter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		cfg         audittest.Config
		lines, rate int
		every       time.Duration
	}{
		{"by size", audittest.Config{MaxSizeMB: 1}, 8000, 0, 0},
		{"every few lines", audittest.Config{MaxSizeMB: 100}, 1500, 0, 3 * time.Millisecond},
		{"at 4000 lines/s", audittest.Config{MaxSizeMB: 100}, 6000, 4000, 100 * time.Millisecond},
		{"compressed", audittest.Config{MaxSizeMB: 1, Compress: true}, 6000, 6000, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			log, w := newWriter(t, c.cfg)
			watcher, err := NewWatcher(log.Dir, WatcherConfig{})
			must(t, err)
			poke := watcher.Writes()
			r := newReader(t, held(t, log), Position{}, ReaderConfig{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var f follower
			var wg sync.WaitGroup
			wg.Go(func() { _ = watcher.Run(ctx) })
			wg.Go(func() { f.follow(ctx, r, poke) })
			lines := c.lines
			if testing.Short() {
				lines /= 4 // some rotations are left
			}
			must(t, w.Replay(ctx, audittest.Fresh(audittest.Corpus(t, "diverse.log"), lines), c.rate, c.every))
			cancel()
			wg.Wait()
			f.compare(t, w)
		})
	}
}

// Lines come in several writes, some of them longer than the buffer, and the
// reader is asked at any moment.
func TestReaderFollowsTornWrites(t *testing.T) {
	log, w := newWriter(t, audittest.Config{MaxSizeMB: 4})
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	ctx, cancel := context.WithCancel(t.Context())
	var f follower
	atEnd := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(atEnd)
		f.files = make(map[string]*bytes.Buffer)
		for last := false; !last && f.err == nil; {
			last = ctx.Err() != nil
			f.err = f.take(r)
			select {
			case atEnd <- struct{}{}:
				runtime.Gosched() // the writer's turn, on one processor too
			default: // the writer does not wait
			}
		}
	})
	random := rand.New(rand.NewPCG(3, 4))
	for i := range 600 {
		size := 1 + random.IntN(3000)
		if i%20 == 0 {
			size = random.IntN(1 << 20)
		}
		line := append(bytes.Repeat([]byte{'a' + byte(i%26)}, size), '\n')
		cut := random.IntN(len(line))
		must(t, w.WriteRaw(line[:cut]))
		if i%3 == 0 {
			<-atEnd // perhaps from before the write
			<-atEnd // within the line
		}
		must(t, w.WriteRaw(line[cut:]))
	}
	cancel()
	wg.Wait()
	f.compare(t, w)
}

func TestReaderReadsTheCorpusAsItIs(t *testing.T) {
	for _, name := range audittest.Names() {
		content := audittest.Corpus(t, name)
		log := newLog(t)
		log.put(t, log.at(1), string(content))
		files := 1
		if len(content) < 4<<20 { // packing takes long under the race detector
			log.put(t, log.at(2)+".gz", packed(t, string(content)))
			files++
		}
		r := newReader(t, held(t, log), Position{}, ReaderConfig{})
		f := follower{files: make(map[string]*bytes.Buffer)}
		must(t, f.take(r))
		if len(f.order) != files {
			t.Errorf("%s: %d files were read, want %d", name, len(f.order), files)
		}
		for _, id := range f.order {
			if !bytes.Equal(f.files[id].Bytes(), content) {
				t.Errorf("%s: read differs from the %d bytes written", name, len(content))
			}
		}
	}
}

// fileLog writes a finished backup of many lines and an empty open file.
func fileLog(t testing.TB, lines int) Log {
	log := newLog(t)
	line := append(bytes.Repeat([]byte("x"), 1000), '\n')
	log.put(t, log.at(1), string(bytes.Repeat(line, lines)))
	log.put(t, log.Name(), "")
	return log
}

func TestReaderAllocatesNothingPerLine(t *testing.T) {
	r := newReader(t, held(t, fileLog(t, 5000)), Position{}, ReaderConfig{})
	_, err := r.Next()
	must(t, err)
	if n := testing.AllocsPerRun(4000, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per line, want 0", n)
	}
}

func TestReaderListsOnceAtEachEnd(t *testing.T) {
	log := newLog(t)
	for i := range 100 {
		log.put(t, log.at(i), "x\n")
	}
	log.put(t, log.Name(), "y\n")
	src := held(t, log)
	r := newReader(t, src, Position{Segment: listedIDs(t, log)[100], Offset: 2, Line: 1}, ReaderConfig{})
	for range 10 {
		expect(t, r, "")
	}
	if src.listings != 11 {
		t.Errorf("%d listings, want one to open and one for each end of file", src.listings)
	}
}

func BenchmarkReader(b *testing.B) {
	log := fileLog(b, 20000)
	b.SetBytes(20000 * 1001)
	b.ReportAllocs()
	for b.Loop() {
		r := newReader(b, held(b, log), Position{}, ReaderConfig{})
		n := 0
		for _, err := r.Next(); err != io.EOF; _, err = r.Next() {
			n++
		}
		if n != 20000 {
			b.Fatal(n)
		}
	}
}
