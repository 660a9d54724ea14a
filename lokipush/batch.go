package lokipush

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Bounds of a batch.
const (
	// defaultMaxBytes keeps a push far from the 4 MiB that Loki's gRPC path takes.
	defaultMaxBytes = 1 << 20
	// defaultMaxEntries bounds the cost of finding one refused entry.
	defaultMaxEntries = 10_000
	// keptExtra is the memory beyond maxBytes that Reset keeps; more was needed for one huge line
	// and is given back.
	keptExtra = 256 << 10
	// headerRoom is the space kept in front for the tag and the length of the stream, which are
	// known last.
	headerRoom = 1 + 10
)

// Field numbers of Loki's logproto messages (pkg/push/push.proto).
const (
	requestStreams   = protowire.Number(1) // PushRequest.streams
	streamLabels     = protowire.Number(1) // StreamAdapter.labels
	streamEntries    = protowire.Number(2) // StreamAdapter.entries
	entryTimestamp   = protowire.Number(1) // EntryAdapter.timestamp
	entryLine        = protowire.Number(2) // EntryAdapter.line
	entryMetadata    = protowire.Number(3) // EntryAdapter.structuredMetadata
	pairName         = protowire.Number(1) // LabelPairAdapter.name
	pairValue        = protowire.Number(2) // LabelPairAdapter.value
	timestampSeconds = protowire.Number(1) // google.protobuf.Timestamp
	timestampNanos   = protowire.Number(2)
)

// Batch is the entries of one push, all of one stream. Entries are encoded as they are added, so
// every push of the batch sends the same bytes. It is not safe for concurrent use.
type Batch struct {
	maxBytes   int
	maxEntries int
	first      int    // offset of the first entry in buf
	buf        []byte // headerRoom, labels, entries; owned by the batch, reused after Reset
	ends       []int  // offset in buf of the end of each entry
}

// NewBatch returns an empty batch of a stream.
func NewBatch(stream Labels) *Batch {
	b := &Batch{maxBytes: defaultMaxBytes, maxEntries: defaultMaxEntries}
	b.ResetTo(stream)
	return b
}

// ResetTo empties the batch, as Reset does, and makes it one of another stream.
func (b *Batch) ResetTo(stream Labels) {
	b.Reset()
	if cap(b.buf) < headerRoom {
		b.buf = make([]byte, 0, headerRoom+len(stream.text)+8)
	}
	b.buf = protowire.AppendTag(b.buf[:headerRoom], streamLabels, protowire.BytesType)
	b.buf = protowire.AppendString(b.buf, stream.text)
	b.first = len(b.buf)
}

// Add encodes one entry and returns true, or returns false and changes nothing when the batch is
// full: push it, Reset it, add again. An empty batch takes a line of any size. The line is sent
// byte for byte, or as ValidLine makes it; fields may be nil. Neither is referred to afterwards.
func (b *Batch) Add(timestamp time.Time, line []byte, fields *Fields) bool {
	var e entry
	e.set(timestamp, ValidLine(line), fields)
	size := sizeField(streamEntries, e.size)
	if len(b.ends) > 0 && (len(b.ends) >= b.maxEntries || b.sizeWith(size) > b.maxBytes) {
		return false
	}
	b.grow(size)
	b.buf = e.append(b.buf)
	b.ends = append(b.ends, len(b.buf))
	return true
}

// grow makes room for size more bytes. It doubles, but not beyond the size of a full batch, so that
// only a huge line makes the buffer larger than Reset keeps.
func (b *Batch) grow(size int) {
	need := len(b.buf) + size
	if need <= cap(b.buf) {
		return
	}
	larger := max(need, min(2*cap(b.buf), b.maxBytes+headerRoom))
	b.buf = append(make([]byte, 0, larger), b.buf...)
}

// Len is the number of entries.
func (b *Batch) Len() int { return len(b.ends) }

// Bytes is the size of the uncompressed push.
func (b *Batch) Bytes() int { return b.sizeWith(0) }

// sizeWith is the size of the push with n more bytes of entries: the length in front of the
// stream grows with them.
func (b *Batch) sizeWith(more int) int { return sizeField(requestStreams, len(b.buf)-headerRoom+more) }

// Reset empties the batch and keeps its memory, except the part for one huge line.
func (b *Batch) Reset() {
	b.ends = b.ends[:0]
	b.buf = b.buf[:b.first]
	if cap(b.buf) > b.maxBytes+keptExtra {
		b.buf = append(make([]byte, 0, b.first), b.buf...)
	}
}

// Slice returns a new batch with the entries i to j-1, copied as they are encoded. It shares no
// memory with b. Indices outside of 0 ≤ i ≤ j ≤ Len are moved to the nearest bound.
func (b *Batch) Slice(i, j int) *Batch {
	j = min(max(j, 0), len(b.ends))
	i = min(max(i, 0), j)
	from, to := b.start(i), b.start(j)
	part := &Batch{maxBytes: b.maxBytes, maxEntries: b.maxEntries, first: b.first}
	part.buf = make([]byte, 0, b.first+to-from)
	part.buf = append(append(part.buf, b.buf[:b.first]...), b.buf[from:to]...)
	part.ends = make([]int, 0, j-i)
	for _, end := range b.ends[i:j] {
		part.ends = append(part.ends, end-from+b.first)
	}
	return part
}

// Split returns the two halves of the batch, the first never the larger one.
func (b *Batch) Split() (*Batch, *Batch) {
	middle := len(b.ends) / 2
	return b.Slice(0, middle), b.Slice(middle, len(b.ends))
}

// start is the offset of entry i, or the end of the last entry.
func (b *Batch) start(i int) int {
	if i == 0 {
		return b.first
	}
	return b.ends[i-1]
}

// request returns the encoded PushRequest. It aliases the batch's memory: valid until the next Add
// or Reset.
func (b *Batch) request() []byte {
	stream := len(b.buf) - headerRoom
	start := headerRoom - protowire.SizeTag(requestStreams) - protowire.SizeVarint(uint64(stream))
	head := protowire.AppendTag(b.buf[:start], requestStreams, protowire.BytesType)
	protowire.AppendVarint(head, uint64(stream))
	return b.buf[start:]
}
