package manifest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/transparency-dev/merkle/rfc6962"
)

// MaxSize is the longest encoding of a record, in bytes: some 5,000 objects or
// gaps. Whoever reads records need not read more of one.
const MaxSize = 1 << 20

// Encode returns the canonical encoding of a record (package documentation). A
// string that is not UTF-8, such as a file name can be, gets U+FFFD for
// each byte that is not. The error wraps [ErrInvalid].
func Encode(r Record) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("encode record %d: %w", r.Seq, err)
	}
	r, err := r.normal()
	if err != nil {
		return nil, err
	}
	return encode(r)
}

// encode does not check the fields.
func encode(r Record) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf) // ends the line
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("encode record %d: %w", r.Seq, err)
	}
	if buf.Len() > MaxSize {
		return nil, fmt.Errorf("encode record %d: %d bytes, more than %d (%d objects, %d gaps): %w",
			r.Seq, buf.Len(), MaxSize, len(r.Objects), len(r.Gaps), ErrInvalid)
	}
	return buf.Bytes(), nil
}

// Decode is the inverse of [Encode]. The error wraps [ErrInvalid], [ErrNewer]
// or [ErrNotCanonical].
func Decode(data []byte) (Record, error) {
	if len(data) > MaxSize {
		return Record{}, fmt.Errorf("decode record: %w", invalid("%d bytes, more than %d", len(data), MaxSize))
	}
	r, err := decode(data)
	if err != nil {
		return Record{}, fmt.Errorf("decode record: %w", cmp.Or(known(data), err))
	}
	return r, nil
}

func decode(data []byte) (r Record, err error) {
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&r); err != nil {
		if json.Unmarshal(data, new(Record)) == nil { // it is only a field that is unknown
			return r, fmt.Errorf("%w: %w", ErrNewer, err)
		}
		return r, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := r.check(); err != nil {
		return r, err
	}
	if _, err := r.checkpoint(); err != nil {
		return r, err
	}
	// Everything that JSON leaves open (white space, order, case and
	// repetition of keys, escapes, forms of numbers) is decided here.
	want, err := encode(r)
	if err != nil {
		return r, err
	}
	if !bytes.Equal(want, data) {
		return r, ErrNotCanonical
	}
	return r, nil
}

// known looks at the version and the kind alone: the fields of a newer version
// may have other types.
func known(data []byte) error {
	var head struct {
		Version int64  `json:"version"`
		Kind    string `json:"kind"`
	}
	err := json.Unmarshal(data, &head)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	case head.Version > Version:
		return fmt.Errorf("version %d: %w", head.Version, ErrNewer)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	case head.Version == Version && head.Kind != "" && !slices.Contains(knownKinds, Kind(head.Kind)):
		return fmt.Errorf("kind %q: %w", head.Kind, ErrNewer)
	}
	return nil
}

// leafEnd begins the part of an encoding that is no part of the leaf. A quotation
// mark in a string is escaped, so it is nowhere else.
var leafEnd = []byte(`,"checkpoint":"`)

// leafOf returns the hash of the leaf that a record with this encoding is: of the
// encoding without the checkpoint and without the newline.
func leafOf(encoded []byte) Hash {
	leaf, _, _ := bytes.Cut(bytes.TrimSuffix(encoded, []byte("}\n")), leafEnd)
	return Hash(rfc6962.DefaultHasher.HashLeaf(append(slices.Clone(leaf), '}')))
}

// Entry is a record as it was found, in the archive or on disk.
type Entry struct {
	Record
	// Leaf is the hash of the record's leaf, and Point its checkpoint.
	Leaf  Hash
	Point Checkpoint
	// Err says why the bytes are not a record (as [Decode] does); nil if they are.
	Err error
}

// Read decodes bytes that should be a record.
func Read(data []byte) (e Entry) {
	if e.Record, e.Err = Decode(data); e.Err == nil {
		e.Leaf = leafOf(data)
		e.Point, _ = e.checkpoint() // Decode has checked it
	}
	return e
}

// Sum returns the SHA-256 of bytes in lower-case hex.
func Sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// normal returns a copy that has valid UTF-8 only, so that decoding returns
// the record that was encoded.
func (r Record) normal() (Record, error) {
	r.Counts = Counts{Levels: normalCounts(r.Counts.Levels), Stages: normalCounts(r.Counts.Stages)}
	data, err := encode(r)
	if err != nil {
		return r, err
	}
	var out Record
	if err := json.Unmarshal(data, &out); err != nil {
		return r, fmt.Errorf("encode record %d: %w", r.Seq, err)
	}
	return out, nil
}

func text(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

func normalCounts(counts map[string]int64) map[string]int64 {
	if len(counts) == 0 {
		return nil
	}
	out := make(map[string]int64, len(counts))
	for key, n := range counts {
		out[text(key)] += n
	}
	return out
}
