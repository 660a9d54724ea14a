package lokipush

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"
)

// Payload is the entries of one push: a [*Batch], or a [*Packed] one.
type Payload interface {
	// Len is the number of entries.
	Len() int
	// Bytes is the size of the uncompressed push.
	Bytes() int

	compressed() []byte        // as it is sent; a transport may read it after the push has ended
	unpacked() (*Batch, error) // with the entries at hand
}

// Packed is a batch that waits to be delivered, compressed. It never changes.
type Packed struct {
	maxBytes, maxEntries, first int // of the batch

	data       []byte
	len, bytes int
}

// Len is the number of entries.
func (p *Packed) Len() int { return p.len }

// Bytes is the size of the uncompressed push.
func (p *Packed) Bytes() int { return p.bytes }

// Pack returns the batch as it is sent, compressed: about a fifth of the memory, for as long as it
// waits to be delivered. The batch itself is not referred to and may be reset at once.
//
// The work is done in scratch, which is grown as needed and returned for the next call.
func (b *Batch) Pack(scratch []byte) (*Packed, []byte) {
	compressed := s2.EncodeSnappy(scratch[:cap(scratch)], b.request())
	packed := &Packed{
		maxBytes: b.maxBytes, maxEntries: b.maxEntries, first: b.first,
		data: bytes.Clone(compressed), len: b.Len(), bytes: b.Bytes(),
	}
	if cap(compressed) > defaultMaxBytes+keptExtra {
		return packed, nil
	}
	return packed, compressed
}

func (b *Batch) compressed() []byte { return s2.EncodeSnappy(nil, b.request()) }

func (p *Packed) compressed() []byte { return p.data }

func (b *Batch) unpacked() (*Batch, error) { return b, nil }

func (p *Packed) unpacked() (*Batch, error) {
	request, err := s2.Decode(nil, p.data)
	if err != nil {
		return nil, fmt.Errorf("unpack a batch of %d entries: %w", p.len, err)
	}
	stream, n := protowire.ConsumeBytes(request[protowire.SizeTag(requestStreams):])
	if n < 0 {
		return nil, fmt.Errorf("unpack a batch of %d entries: %w", p.len, protowire.ParseError(n))
	}
	whole := &Batch{maxBytes: p.maxBytes, maxEntries: p.maxEntries, first: p.first, ends: make([]int, 0, p.len)}
	whole.buf = append(make([]byte, headerRoom, headerRoom+len(stream)), stream...)
	for at := p.first; at < len(whole.buf); {
		n := protowire.ConsumeFieldValue(streamEntries, protowire.BytesType, whole.buf[at+protowire.SizeTag(streamEntries):])
		if n < 0 {
			return nil, fmt.Errorf("unpack a batch of %d entries: %w", p.len, protowire.ParseError(n))
		}
		at += protowire.SizeTag(streamEntries) + n
		whole.ends = append(whole.ends, at)
	}
	return whole, nil
}
