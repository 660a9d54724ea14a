package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"time"
)

// State is how far the archive's claim on a segment has come.
type State string

// The states of the archive's claim, in order; Quarantined is aside.
const (
	// Held: the segment is linked, its bytes are owed to the archive.
	Held State = "held"
	// Converted: its objects are files under work/, listed in the entry.
	Converted State = "converted"
	// Stored: the archive has confirmed every object.
	Stored State = "stored"
	// Retired: the archive's claim is released.
	Retired State = "retired"
	// Quarantined: the segment cannot be converted; it is held, with the
	// reason, until a person decides.
	Quarantined State = "quarantined"
)

// Object is one object made from a segment.
type Object struct {
	// Key is the object's key in the archive.
	Key string `json:"key"`
	// Work is the name of the finished file under work/.
	Work string `json:"work"`
	// Size in bytes.
	Size int64 `json:"size"`
	// SHA256 of the object, lower-case hex.
	SHA256 string `json:"sha256"`
	// Rows in the object.
	Rows int64 `json:"rows"`
}

// Content is the restored content of a segment's objects if that is not the
// segment, because the archive is redacted. It has as many lines.
type Content struct {
	// Size in bytes.
	Size int64 `json:"size"`
	// SHA256 of the bytes, lower-case hex.
	SHA256 string `json:"sha256"`
	// MerkleRoot as in [Source].
	MerkleRoot string `json:"merkleRoot"`
}

// Source is the part of a segment that its conversion read.
type Source struct {
	// Size is the number of bytes, unpacked.
	Size int64 `json:"size"`
	// From is where the bytes begin in the file: earlier bytes were archived before.
	From int64 `json:"from,omitempty"`
	// Lines is the number of lines.
	Lines int64 `json:"lines"`
	// SHA256 of the bytes, lower-case hex; empty where HMAC is there.
	SHA256 string `json:"sha256,omitempty"`
	// HMAC takes the place of SHA256 and MerkleRoot where Content is there: the
	// plain hashes would confirm a guess of a redacted value.
	HMAC string `json:"hmac,omitempty"`
	// Content is the archived form; nil if it is the segment itself.
	Content *Content `json:"content,omitempty"`
	// MerkleRoot is the Merkle tree hash of the lines, lower-case hex.
	MerkleRoot string `json:"merkleRoot,omitempty"`
	// FinalNewline says whether the last byte is a newline.
	FinalNewline bool `json:"finalNewline"`
	// First and Last are the least and the greatest stageTimestamp.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Levels and Stages count the lines by the fields of their events.
	Levels map[string]int64 `json:"levels,omitempty"`
	Stages map[string]int64 `json:"stages,omitempty"`
	// NULs counts the NUL bytes: a hole that a truncation left.
	NULs int64 `json:"nuls,omitempty"`
	// Damage is the gap of a compressed file that does not unpack to its end; nil
	// where it does.
	Damage *Gap `json:"damage,omitempty"`
}

// Stored is the content that the objects restore to.
func (s *Source) Stored() Content {
	if s.Content != nil {
		return *s.Content
	}
	return Content{Size: s.Size, SHA256: s.SHA256, MerkleRoot: s.MerkleRoot}
}

// MarkSize is the most bytes that a Mark covers.
const MarkSize = 1024

// MarkOf identifies a file by some of its bytes.
func MarkOf(b []byte) Mark {
	sum := sha256.Sum256(b)
	return Mark{N: len(b), SHA256: hex.EncodeToString(sum[:])}
}

// Mark identifies a file by its first bytes, as far as it had any.
type Mark struct {
	// N is how many bytes count.
	N int `json:"n"`
	// SHA256 of these bytes, lower-case hex.
	SHA256 string `json:"sha256"`
}

// Tail is the end of the seen part of a file: its last bytes before an offset.
type Tail struct {
	// End is the offset behind the bytes; zero: nothing is known.
	End int64 `json:"end"`
	Mark
}

// Entry is the ledger's knowledge of one segment. Its fields are those of the state
// file.
type Entry struct {
	// ID is the name of the segment's link under held/; IDs sort in the
	// order of rotation.
	ID string `json:"id"`
	// Name is the file's name in the audit directory: audit.log while it is
	// open, afterwards the backup's name, without .gz.
	Name string `json:"name"`
	// Gzip says that the held bytes are compressed.
	Gzip bool `json:"gzip,omitempty"`
	// Inode of the file. A hint: a number is used again after a prune.
	Inode uint64 `json:"inode"`
	// Finished says that the file has no writer any more.
	Finished bool `json:"finished"`
	// Born is when the file was created, zero where the file system does not
	// say.
	Born time.Time `json:"born,omitzero"`
	// Mark identifies the file by its first bytes.
	Mark Mark `json:"mark,omitzero"`
	// Seen is the most bytes that the file was seen with since it was last found
	// cut, as held; of an open file the one on disk may lag behind by a minute.
	Seen int64 `json:"seen"`
	// Tail is the end of the file when its size was put on disk last: a file that was
	// cut and has grown beyond that again does not have it.
	Tail Tail `json:"tail,omitzero"`
	// Cuts counts the times when bytes that had been seen of the file were found
	// gone or changed, each recorded as a gap; Had is how many it had before the
	// last of them.
	Cuts int64 `json:"cuts,omitempty"`
	Had  int64 `json:"had,omitempty"`
	// Wrote is when a finished file was last written to, and of an open one its
	// last write when it was first seen.
	Wrote time.Time `json:"wrote,omitzero"`
	// Unnamed says that no pass saw the backup's name: Name and Rotated are made
	// from the time of the last write.
	Unnamed bool `json:"unnamed,omitempty"`
	// Continuous says that the file was found to follow the one before it without
	// a break, or that the break is recorded.
	Continuous bool `json:"continuous,omitempty"`
	// Rotated is the time in the backup's name, or the time of the last
	// write where the name was never seen. Zero while the file is open.
	Rotated time.Time `json:"rotated,omitzero"`
	// State of the archive's claim.
	State State `json:"state"`
	// Loki says that lines of this segment are still owed to Loki.
	Loki bool `json:"loki"`
	// Seq is the segment's number in the chain of this epoch; 0 before its
	// first increment or its conversion.
	Seq int64 `json:"seq,omitempty"`
	// Origin gives the segment's objects their number if that is not
	// this epoch and Seq; nil where it is.
	Origin *Origin `json:"origin,omitempty"`
	// Source is set by the conversion.
	Source *Source `json:"source,omitempty"`
	// Objects are set by the conversion; until then they are those of Before.
	Objects []Object `json:"objects,omitempty"`
	// Open is the archived part of a segment that is still being written;
	// nil where it has nothing.
	Open *Increments `json:"open,omitempty"`
	// Read is how far the segment was read for heartbeats while it was open;
	// nil where it was not.
	Read *Reading `json:"read,omitempty"`
	// Before is the archived part of the file as it was before it was changed or
	// repaired; nil where it was not, or nothing unpacked.
	Before *Source `json:"before,omitempty"`
	// Changed says that the difference to Before is recorded as a gap.
	Changed bool `json:"changed,omitempty"`
	// Reason says why the segment is quarantined.
	Reason string `json:"reason,omitempty"`
}

// Origin is the place of a file in the chain of an epoch, as its objects bear
// it. An earlier epoch stored some of them and was lost before it could record
// the file: then they keep its number, and the record is this epoch's.
type Origin struct {
	Epoch string `json:"epoch"`
	Seq   int64  `json:"seq"`
}

// Owed says whether any sink still needs the segment's bytes.
func (e *Entry) Owed() bool { return e.State != Retired || e.Loki }

// Damaged says whether the file is one that did not unpack to its end, and no sink
// waits for the part that did. It may be repaired.
func (e *Entry) Damaged() bool {
	return e.Gzip && (e.State == Quarantined || e.State == Retired && e.Source != nil && e.Source.Damage != nil)
}

// clone returns a copy that shares nothing with e.
func (e *Entry) clone() Entry {
	c := *e
	c.Objects, c.Origin = slices.Clone(e.Objects), copied(e.Origin)
	if c.Open = copied(e.Open); c.Open != nil {
		c.Open.Next = copied(e.Open.Next)
	}
	if c.Read = copied(e.Read); c.Read != nil {
		c.Read.State = slices.Clone(e.Read.State)
	}
	c.Source, c.Before = e.Source.clone(), e.Before.clone()
	return c
}

// clone returns a copy that shares nothing with s.
func (s *Source) clone() *Source {
	c := copied(s)
	if c != nil {
		c.Levels, c.Stages = maps.Clone(s.Levels), maps.Clone(s.Stages)
		c.Content, c.Damage = copied(s.Content), copied(s.Damage)
	}
	return c
}

// copied returns a new pointer to a copy of *p, nil for nil.
func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}
