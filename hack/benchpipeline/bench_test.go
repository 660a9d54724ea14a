package main

import (
	"bytes"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// TestCorpora counts the bytes that each corpus has.
func TestCorpora(t *testing.T) {
	s := &session{options: options{mb: 21, rounds: 1}}
	if err := s.corpora(); err != nil {
		t.Fatal(err)
	}
	rotated, err := audittest.ReadCorpus("rotated.log")
	if err != nil {
		t.Fatal(err)
	}
	once, err := audittest.ReadReal()
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Count(rotated, []byte("\n"))
	for i, want := range []struct{ lines, bytes, rounds int }{
		{2 * lines, 2 * len(rotated), 1},
		{bytes.Count(once, []byte("\n")), len(once), shortRounds},
	} {
		trial := s.trials[i]
		n, size := 0, 0
		for line := range trial.source(want.lines) {
			n, size = n+1, size+len(line)+1
		}
		if n != want.lines || size != want.bytes || trial.rounds != want.rounds || trial.lines < want.lines {
			t.Errorf("%s: %d of %d lines, %d bytes, %d rounds; want %+v", trial.name, n, trial.lines, size, trial.rounds, want)
		}
	}
}
