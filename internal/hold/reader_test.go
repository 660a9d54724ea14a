package hold

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/auditsidecar/auditsidecar/rotate"
)

// readAll reads the lines that are there now.
func readAll(t *testing.T, r *rotate.Reader) (lines []string) {
	t.Helper()
	for {
		line, err := r.Next()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line.Bytes))
	}
}

// TestReaderOverHold has a reader follow the held segments over rotations: it
// gets each line once and in order, whether a file is linked, in the audit
// directory or copied by then, and resumes at its position after a restart.
func TestReaderOverHold(t *testing.T) {
	t.Parallel()
	for _, make := range []func(testing.TB) *fixture{newFixture, newCopyFixture} {
		for seed := range seeds(6) {
			h := make(t)
			h.loki = true
			random := rand.New(rand.NewPCG(seed, 3))
			h.write("")
			h.mustStart()
			h.sync()
			reader := h.reader(rotate.Position{})
			var want, got []string
			for range 80 {
				switch random.IntN(6) {
				case 0, 1, 2:
					h.write(fmt.Sprintln(len(want)))
					want = append(want, fmt.Sprint(len(want)))
				case 3:
					h.sync()
					h.rotate()
				case 4:
					h.sync()
					got = append(got, readAll(t, reader)...)
				case 5:
					h.sync()
					position := reader.Position()
					if err := reader.Close(); err != nil {
						t.Fatal(err)
					}
					h.mustStart()
					h.sync()
					reader = h.reader(position)
				}
			}
			h.sync()
			got = append(got, readAll(t, reader)...)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("copies %v, seed %d:\n got %v\nwant %v", h.copy, seed, got, want)
			}
			if err := reader.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (h *fixture) reader(from rotate.Position) *rotate.Reader {
	h.t.Helper()
	r, err := rotate.NewReader(h.hold, from, rotate.ReaderConfig{})
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// Between a rotation and the next pass the path is another file's. The reader
// must not take its lines for those of the old one.
func TestReaderBetweenRotationAndPass(t *testing.T) {
	h := newCopyFixture(t)
	h.loki = true
	h.write("one\n")
	h.mustStart()
	h.sync()
	id := h.ledger.Entries()[0].ID
	h.rotate()
	h.write("two\n")
	r := h.reader(rotate.Position{Segment: id})
	defer r.Close()
	if line, err := r.Next(); err == nil {
		t.Errorf("read %q of the next file", line.Bytes)
	}
	if path := h.hold.Path(id); path == h.log.Path() {
		t.Errorf("Path is %s", path)
	}
	h.sync()
	if got := fmt.Sprint(readAll(t, r)); got != "[one two]" {
		t.Errorf("read %s", got)
	}
}
