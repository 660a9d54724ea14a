package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Version is the version of the records that this package writes, and the only
// one that it reads.
const Version = 1

// Kind is the subject of a record.
type Kind string

// The kinds. Others are [ErrNewer].
const (
	// KindFile: a finished file of the audit log and its objects.
	KindFile Kind = "file"
	// KindGap: a break in continuity that belongs to no archived file.
	KindGap Kind = "gap"
	// KindHeartbeat: the sidecar was at work, and saw this of the open file,
	// although nothing else was to be recorded.
	KindHeartbeat Kind = "heartbeat"
	// KindKey: the key that signs this record and those after it.
	KindKey Kind = "key"
	// KindSetup: the settings that the log is written and archived with, from here on.
	KindSetup Kind = "setup"
)

// knownKinds are all that this version knows.
var knownKinds = []Kind{KindFile, KindGap, KindHeartbeat, KindKey, KindSetup}

// Identity says whose tree a record belongs to, and which life of its state made it.
type Identity struct {
	// Cluster and Node have 1 to 63 of the characters A-Z a-z 0-9 . _ -.
	Cluster string `json:"cluster"`
	Node    string `json:"node"`
	// MachineID distinguishes a cloned disk from the original; opaque, may be empty.
	MachineID string `json:"machineID"`
	// Epoch is one life of the state directory: UTC creation time as
	// 20060102T150405 and six random hex digits.
	Epoch string `json:"epoch"`
}

// Record is one leaf of the tree. The order of its fields is the order of the
// keys in the encoding: changing it, or adding a field, takes a new [Version].
type Record struct {
	// Version is set by [Chain.Seal].
	Version int  `json:"version"`
	Kind    Kind `json:"kind"`
	// Identity is set by [Chain.Seal].
	Identity
	// Seq is the record's number in the epoch, from 1, whatever its kind.
	Seq int64 `json:"seq"`
	// Number is the record's position in the tree, from 1. Set by [Chain.Seal].
	Number int64 `json:"number"`
	// Time is when the record was sealed. It is not before that of the record before,
	// less [ClockTolerance], unless ClockStepped is set: by [Chain.Seal], where the
	// node's clock was set back.
	Time         Stamp `json:"time"`
	ClockStepped bool  `json:"clockStepped,omitempty"`
	// Begins says why the epoch began; only in its first record, and always there.
	// Set by [Chain.Seal].
	Begins *Begins `json:"begins,omitempty"`
	// Source describes the file; only in [KindFile], and always there.
	Source *Source `json:"source,omitempty"`
	// Content describes the file that the objects restore to if the archive is
	// redacted; nil if that is the source. Source.HMAC then
	// stands in for the source's own hashes.
	Content *Content `json:"content,omitempty"`
	// Redaction is the SHA-256 (lower-case hex) of the archive's redaction
	// policy; empty without one. A policy that changed nothing in a
	// file leaves Content nil.
	Redaction string `json:"redaction,omitempty"`
	// Counts are of the file's lines.
	Counts Counts `json:"counts,omitzero"`
	// Objects are the file's, in the order of their days.
	Objects []Object `json:"objects,omitempty"`
	// Gaps are the breaks: within the file, or, in a [KindGap], outside of
	// any; there is at least one then.
	Gaps []Gap `json:"gaps,omitempty"`
	// Heartbeat is the content of a [KindHeartbeat], and only there.
	Heartbeat *Heartbeat `json:"heartbeat,omitempty"`
	// Key is the content of a [KindKey], and only there.
	Key *Key `json:"key,omitempty"`
	// Setup is the content of a [KindSetup], and only there.
	Setup *Setup `json:"setup,omitempty"`
	// Checkpoint is the tree that ends with this record: a C2SP checkpoint, signed
	// where the node has a key. It is no part of the leaf. Set by [Chain.Seal].
	Checkpoint string `json:"checkpoint,omitempty"`
}

// ClockTolerance is how far the times of records may run backwards.
const ClockTolerance = time.Minute

// Begins says why an epoch began.
type Begins struct {
	// Reason is one of the reasons of an epoch.
	Reason BeginReason `json:"reason"`
	// Detail is for people; where a new tree begins it says why the old one ended.
	Detail string `json:"detail,omitempty"`
}

// BeginReason is the reason of an epoch.
type BeginReason string

// The reasons of epochs.
const (
	// BeginNew: nothing of an earlier epoch was on this disk.
	BeginNew BeginReason = "new"
	// BeginStateLost: the state of the epoch before was lost or could not be read.
	BeginStateLost BeginReason = "state_lost"
	// BeginOwner: the state is of another machine, cluster, node or redaction.
	BeginOwner BeginReason = "owner"
	// BeginRolledBack: an old copy of the state was put back.
	BeginRolledBack BeginReason = "rolled_back"
)

// beginReasons are all that this version knows.
var beginReasons = []BeginReason{BeginNew, BeginStateLost, BeginOwner, BeginRolledBack}

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
	// SHA256 of the bytes, lower-case hex; empty where HMAC is there.
	SHA256 string `json:"sha256,omitempty"`
	// MerkleRoot is the Merkle tree hash of the lines, each without its
	// newline (RFC 6962, section 2.1), lower-case hex. Empty where HMAC is
	// there, and in records of a file whose root was not computed.
	MerkleRoot string `json:"merkleRoot,omitempty"`
	// HMAC replaces both in the record of a redacted file: redacted values could
	// be guessed, and the guess confirmed, by a plain hash. It is the result of
	// [Blind] for the SHA-256 of the bytes under the node's key.
	HMAC string `json:"hmac,omitempty"`
	// FinalNewline says whether the last byte is a newline.
	FinalNewline bool `json:"finalNewline"`
	// First and Last are the least and the greatest stageTimestamp of the
	// lines; zero where no line has one.
	First Stamp `json:"first,omitzero"`
	Last  Stamp `json:"last,omitzero"`
	// Rotated is the time in the backup's name; zero where unknown.
	Rotated Stamp `json:"rotated,omitzero"`
}

// Content describes the file that objects restore to. It has as many lines as
// the source, and a final newline where the source has one.
type Content struct {
	// Size in bytes.
	Size int64 `json:"size"`
	// Lines counts the lines.
	Lines int64 `json:"lines"`
	// SHA256 of the bytes, lower-case hex.
	SHA256 string `json:"sha256"`
	// MerkleRoot as in [Source].
	MerkleRoot string `json:"merkleRoot"`
}

// Stored describes the file that the objects restore to: its Content, or else its
// Source. The zero Content for other kinds.
func (r *Record) Stored() Content {
	switch {
	case r.Content != nil:
		return *r.Content
	case r.Source != nil:
		return Content{Size: r.Source.Size, Lines: r.Source.Lines, SHA256: r.Source.SHA256, MerkleRoot: r.Source.MerkleRoot}
	}
	return Content{}
}

// Counts counts the lines of a file by fields of their events. A line without
// the field counts under "". The caller bounds the number of keys.
type Counts struct {
	Levels map[string]int64 `json:"levels,omitempty"`
	Stages map[string]int64 `json:"stages,omitempty"`
}

// Names says whether the record names the object with a key.
func (r *Record) Names(key string) bool {
	return slices.ContainsFunc(r.Objects, func(o Object) bool { return o.Key == key })
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
