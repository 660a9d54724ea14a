package manifest

import (
	"fmt"
	"regexp"
)

// Version is the version of the records that this package writes, and the only
// one that it reads.
const Version = 1

// Kind is what a record is about.
type Kind string

// The kinds. Others are [ErrNewer].
const (
	// KindFile: a finished file of the audit log and its objects.
	KindFile Kind = "file"
	// KindGap: a break in continuity that belongs to no archived file.
	KindGap Kind = "gap"
)

// Identity says whose chain a record belongs to.
type Identity struct {
	// Cluster and Node have 1 to 63 of the characters A-Z a-z 0-9 . _ -.
	Cluster string `json:"cluster"`
	Node    string `json:"node"`
	// MachineID tells a cloned disk from the original; opaque, may be empty.
	MachineID string `json:"machineID"`
	// Epoch is one life of the state directory: UTC creation time as
	// 20060102T150405 and six random hex digits.
	Epoch string `json:"epoch"`
}

// Record is one link of the chain. The order of its fields is the order of the
// keys in the encoding: changing it, or adding a field, takes a new [Version].
type Record struct {
	// Version is set by [Chain.Seal].
	Version int  `json:"version"`
	Kind    Kind `json:"kind"`
	// Identity is set by [Chain.Seal].
	Identity
	// Seq is the record's number in the epoch, from 1, whatever its kind.
	Seq int64 `json:"seq"`
	// Previous is the SHA-256 (lower-case hex) of the bytes of the record
	// sealed before this one; empty in the first of an epoch. Set by
	// [Chain.Seal].
	Previous string `json:"previous"`
	// Time is when the record was sealed.
	Time Stamp `json:"time"`
	// Source describes the file; only in [KindFile], and always there.
	Source *Source `json:"source,omitempty"`
	// Counts are of the file's lines.
	Counts Counts `json:"counts,omitzero"`
	// Objects are the file's, in the order of their days.
	Objects []Object `json:"objects,omitempty"`
	// Gaps are the breaks: within the file, or, in a [KindGap], outside of
	// any; there is at least one then.
	Gaps []Gap `json:"gaps,omitempty"`
}

// Source is a finished file as kube-apiserver wrote it, uncompressed.
type Source struct {
	// Name is the base name in the audit directory, without .gz.
	Name string `json:"name"`
	// Inode of the file. A hint: numbers are used again.
	Inode uint64 `json:"inode"`
	// Size in bytes.
	Size int64 `json:"size"`
	// Lines counts the lines; a last one without a newline counts.
	Lines int64 `json:"lines"`
	// SHA256 of the bytes, lower-case hex.
	SHA256 string `json:"sha256"`
	// FinalNewline says whether the last byte is a newline.
	FinalNewline bool `json:"finalNewline"`
	// First and Last are the least and the greatest stageTimestamp of the
	// lines; zero where no line has one.
	First Stamp `json:"first,omitzero"`
	Last  Stamp `json:"last,omitzero"`
	// Rotated is the time in the backup's name; zero where unknown.
	Rotated Stamp `json:"rotated,omitzero"`
}

// Counts counts the lines of a file by what their events say. A line without
// the field counts under "". The caller bounds the number of keys.
type Counts struct {
	Levels map[string]int64 `json:"levels,omitempty"`
	Stages map[string]int64 `json:"stages,omitempty"`
}

// Object is one object of the archive.
type Object struct {
	// Key is relative to the archive's URL.
	Key string `json:"key"`
	// Size in bytes.
	Size int64 `json:"size"`
	// SHA256 of the object, lower-case hex.
	SHA256 string `json:"sha256"`
	// Rows in the object.
	Rows int64 `json:"rows"`
}

var (
	validName   = regexp.MustCompile(`^[A-Za-z0-9._-]{1,63}$`)
	validEpoch  = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}[0-9a-f]{6}$`)
	validSum    = regexp.MustCompile(`^[0-9a-f]{64}$`)
	validReason = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
)

func invalid(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, ErrInvalid)...)
}

// check says whether an identity can be written.
func (id Identity) check() error {
	switch {
	case !validName.MatchString(id.Cluster):
		return invalid("cluster %q: use 1 to 63 of the characters A-Z a-z 0-9 . _ -", id.Cluster)
	case !validName.MatchString(id.Node):
		return invalid("node %q: use 1 to 63 of the characters A-Z a-z 0-9 . _ -", id.Node)
	case !validEpoch.MatchString(id.Epoch):
		return invalid("epoch %q is not 20060102T150405 and six hex digits", id.Epoch)
	}
	return nil
}

// check says whether every field is in its range.
func (r *Record) check() error {
	if err := r.Identity.check(); err != nil {
		return err
	}
	switch {
	case r.Version != Version:
		return invalid("version %d", r.Version)
	case r.Kind != KindFile && r.Kind != KindGap:
		return invalid("kind %q", r.Kind)
	case r.Seq < 1:
		return invalid("sequence number %d is less than 1", r.Seq)
	case r.Previous != "" && !validSum.MatchString(r.Previous):
		return invalid("previous %q is no SHA-256", r.Previous)
	case r.Time.IsZero():
		return invalid("the time is missing")
	case r.Kind == KindFile && r.Source == nil:
		return invalid("a file record without source")
	case r.Kind == KindGap && (r.Source != nil || len(r.Objects)+len(r.Counts.Levels)+len(r.Counts.Stages) > 0):
		return invalid("a gap record with source, counts or objects")
	case r.Kind == KindGap && len(r.Gaps) == 0:
		return invalid("a gap record without gaps")
	}
	return r.checkParts()
}

func (r *Record) checkParts() error {
	if s := r.Source; s != nil && (s.Size < 0 || s.Lines < 0 || !validSum.MatchString(s.SHA256)) {
		return invalid("source: size %d, lines %d, SHA-256 %q", s.Size, s.Lines, s.SHA256)
	}
	for _, o := range r.Objects {
		if o.Key == "" || o.Size < 0 || o.Rows < 0 || !validSum.MatchString(o.SHA256) {
			return invalid("object %q: size %d, rows %d, SHA-256 %q", o.Key, o.Size, o.Rows, o.SHA256)
		}
	}
	for _, g := range r.Gaps {
		if g.Bytes < -1 || !validReason.MatchString(string(g.Reason)) {
			return invalid("gap: reason %q, bytes %d", g.Reason, g.Bytes)
		}
	}
	for _, counts := range []map[string]int64{r.Counts.Levels, r.Counts.Stages} {
		for key, n := range counts {
			if n < 0 {
				return invalid("count of %q: %d", key, n)
			}
		}
	}
	return nil
}
