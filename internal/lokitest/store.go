package lokitest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// Digest is a checksum of a set of lines that does not depend on their order, for comparing the written
// lines with the received ones without keeping either.
type Digest [4]uint64

// Add adds one line.
func (d *Digest) Add(line []byte) {
	sum := sha256.Sum256(line)
	for i := range d {
		d[i] += binary.LittleEndian.Uint64(sum[8*i:])
	}
}

// store has the stored entries.
type store struct {
	countOnly   bool
	maxDistinct int

	mu        sync.Mutex
	streams   map[string]int // label sets, with their entries
	entries   []Entry        // in order of arrival; empty when only counting
	seen      map[[16]byte]struct{}
	count     int
	bytes     int64
	saturated bool
	distinct  int
	digest    Digest
	changed   chan struct{} // closed at the next change
}

// add stores one stream's entries.
func (s *store) add(labels string, entries []Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams[labels] += len(entries)
	s.count += len(entries)
	for _, e := range entries {
		s.bytes += int64(len(e.Line))
		if s.know(key(labels, e)) {
			s.distinct++
			s.digest.Add([]byte(e.Line))
		}
	}
	if !s.countOnly {
		s.entries = append(s.entries, entries...)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// know reports whether the entry is new, and remembers it while there is room.
func (s *store) know(k [16]byte) bool {
	if _, old := s.seen[k]; old {
		return false
	}
	if len(s.seen) >= s.maxDistinct {
		s.saturated = true
		return true
	}
	s.seen[k] = struct{}{}
	return true
}

// key identifies an entry as Loki's queries do.
func key(labels string, e Entry) [16]byte {
	h := sha256.New()
	text := func(s string) { // with its length, so that texts can't run into each other
		_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(s))))
		_, _ = io.WriteString(h, s)
	}
	text(labels)
	text(e.Timestamp.String())
	text(e.Line)
	for _, p := range e.Metadata {
		text(p.Name)
		text(p.Value)
	}
	return [16]byte(h.Sum(nil))
}

func (s *store) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams, s.seen = map[string]int{}, map[[16]byte]struct{}{}
	s.entries, s.count, s.bytes, s.distinct, s.saturated, s.digest = nil, 0, 0, 0, false, Digest{}
	if s.changed != nil {
		close(s.changed)
	}
	s.changed = make(chan struct{})
}

// wait returns when reached answers true; it is called under the lock.
func (s *store) wait(ctx context.Context, reached func() bool) error {
	for {
		s.mu.Lock()
		done, changed := reached(), s.changed
		count, distinct := s.count, s.distinct
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for entries: %d stored, %d distinct: %w", count, distinct, ctx.Err())
		}
	}
}
