package lokipush

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"
)

// Pack returns the batch as it is sent, compressed: about a fifth of the memory, for as long as it
// waits to be delivered. It can be delivered like any other, and takes no more entries. The batch
// itself is not referred to and may be reset at once.
//
// The work is done in scratch, which is grown as needed and returned for the next call.
func (b *Batch) Pack(scratch []byte) (packed *Batch, _ []byte) {
	if b.packed != nil {
		return b, scratch
	}
	compressed := s2.EncodeSnappy(scratch[:cap(scratch)], b.request())
	packed = &Batch{
		maxBytes: b.maxBytes, maxEntries: b.maxEntries, first: b.first,
		packed: bytes.Clone(compressed), packedLen: b.Len(), packedBytes: b.Bytes(),
	}
	if cap(compressed) > maxPooledBody {
		return packed, nil
	}
	return packed, compressed
}

// unpacked returns the batch with its entries at hand, as Split and since need it.
func (b *Batch) unpacked() (*Batch, error) {
	if b.packed == nil {
		return b, nil
	}
	request, err := s2.Decode(nil, b.packed)
	if err != nil {
		return nil, fmt.Errorf("unpack a batch of %d entries: %w", b.packedLen, err)
	}
	stream, n := protowire.ConsumeBytes(request[protowire.SizeTag(requestStreams):])
	if n < 0 {
		return nil, fmt.Errorf("unpack a batch of %d entries: %w", b.packedLen, protowire.ParseError(n))
	}
	whole := &Batch{maxBytes: b.maxBytes, maxEntries: b.maxEntries, first: b.first, ends: make([]int, 0, b.packedLen)}
	whole.buf = append(make([]byte, headerRoom, headerRoom+len(stream)), stream...)
	for at := b.first; at < len(whole.buf); {
		n := protowire.ConsumeFieldValue(streamEntries, protowire.BytesType, whole.buf[at+protowire.SizeTag(streamEntries):])
		if n < 0 {
			return nil, fmt.Errorf("unpack a batch of %d entries: %w", b.packedLen, protowire.ParseError(n))
		}
		at += protowire.SizeTag(streamEntries) + n
		whole.ends = append(whole.ends, at)
	}
	return whole, nil
}
