package verify

import (
	"fmt"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// Kind names a fault.
type Kind string

// The kinds of findings.
const (
	// KindRecordUnreadable: the object under a record's key is no record, or was
	// changed after it was sealed.
	KindRecordUnreadable Kind = "record_unreadable"
	// KindRecordNewer: a newer version wrote the record; it was not checked.
	KindRecordNewer Kind = "record_newer"
	// KindRecordMisplaced: a record under a key that is not its own.
	KindRecordMisplaced Kind = "record_misplaced"
	// KindRecordRepeated: the same record, or its object, is there twice.
	KindRecordRepeated Kind = "record_repeated"
	// KindFork: two records have the same number: one was inserted, or the
	// sidecar's state was copied and used twice.
	KindFork Kind = "fork"
	// KindRecordMissing: numbers that must have a record have none.
	KindRecordMissing Kind = "record_missing"
	// KindRecordChanged: a record or its checkpoint is not the sealed one.
	KindRecordChanged Kind = "record_changed"
	// KindRollupInvalid: an object under the key of a rollup that is not the sum of its
	// records, or not by a trusted key. The records count.
	KindRollupInvalid Kind = "rollup_invalid"
	// KindNotProven: records after one that is missing or changed.
	KindNotProven Kind = "not_proven"
	// KindTimeBackwards: a record that is older than the one before it.
	KindTimeBackwards Kind = "time_backwards"
	// KindSecondTree: another tree begins, which was not accepted.
	KindSecondTree Kind = "second_tree"
	// KindTreeMissing: a tree of which no record is there.
	KindTreeMissing Kind = "tree_missing"
	// KindNodeMissing: a node of which a key was given has no record.
	KindNodeMissing Kind = "node_missing"
	// KindTailMissing: the records end earlier than they should.
	KindTailMissing Kind = "tail_missing"
	// KindHeadMissing: the record that was expected is not there.
	KindHeadMissing Kind = "head_missing"
	// KindNotDescendant: the archive does not continue the head that the state file
	// trusts: it was rolled back, or another history took its place.
	KindNotDescendant Kind = "not_descendant"
	// KindUnsigned: a record without a signature where there has to be one.
	KindUnsigned Kind = "unsigned"
	// KindBadSignature: a signature that does not fit its record.
	KindBadSignature Kind = "bad_signature"
	// KindUnknownKey: signed by a key that is not in force: not given, not trusted for
	// the number, replaced, or without the consent of the one before.
	KindUnknownKey Kind = "unknown_key"
	// KindObjectMissing: an object that a record names is not there.
	KindObjectMissing Kind = "object_missing"
	// KindObjectChanged: an object has another size or SHA-256 than its record
	// says.
	KindObjectChanged Kind = "object_changed"
	// KindObjectMislabeled: an object whose own metadata contradict its record.
	KindObjectMislabeled Kind = "object_mislabeled"
	// KindObjectUnrecorded: an object that no record vouches for.
	KindObjectUnrecorded Kind = "object_unrecorded"
	// KindObjectUnreadable: an object that cannot be read; it was not checked.
	KindObjectUnreadable Kind = "object_unreadable"
	// KindVersionHidden: an older version of an object, which a newer one or a delete
	// marker hides. KindVersionDeleted: such a marker.
	KindVersionHidden  Kind = "version_hidden"
	KindVersionDeleted Kind = "version_deleted"
	// KindIncrementBroken: an increment of a file that has no record yet cannot
	// be read, contradicts its name, or does not join the one before it.
	KindIncrementBroken Kind = "increment_broken"
	// KindFileShorter: a finished file has fewer bytes than its increments: it
	// was cut before it was archived.
	KindFileShorter Kind = "file_shorter"
	// KindSourceMismatch: the objects do not restore to the file that the record
	// describes.
	KindSourceMismatch Kind = "source_mismatch"
	// KindLogEdited: bytes of the log were changed after the sidecar had read
	// them and before they were archived.
	KindLogEdited Kind = "log_edited"
	// KindLogMissing: the sidecar saw no open file of the log.
	KindLogMissing Kind = "log_missing"
	// KindLogSilent: kube-apiserver counted events, and no line arrived.
	KindLogSilent Kind = "log_silent"
	// KindCountMismatch: kube-apiserver counted another number of events than
	// there are lines.
	KindCountMismatch Kind = "count_mismatch"
)

// Finding is one fault, and the lines or the time that cannot be trusted for it. Its
// fields are those of the JSON form.
type Finding struct {
	Kind Kind `json:"kind"`
	// Cluster and Node say whose log; empty if it is in none.
	Cluster string `json:"cluster,omitempty"`
	Node    string `json:"node,omitempty"`
	// Tree and Number name the record concerned, and Last the last one if there are
	// several; 0 without a record.
	Tree   int   `json:"tree,omitempty"`
	Number int64 `json:"number,omitempty"`
	Last   int64 `json:"last,omitempty"`
	// Epoch and Seq name the file concerned, as its rows do.
	Epoch string `json:"epoch,omitempty"`
	Seq   int64  `json:"seq,omitempty"`
	// Object is the key of the object or record in the archive.
	Object string `json:"object,omitempty"`
	// File is the name of the audit log file concerned.
	File string `json:"file,omitempty"`
	// Lines of that file that cannot be trusted; nil: not known more exactly.
	Lines *Lines `json:"lines,omitempty"`
	// From and To bound the time in which the log cannot be trusted.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Detail is for people.
	Detail string `json:"detail"`
}

// Lines is a range of lines of a file, from 1, both included.
type Lines struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// String is for messages.
func (l Lines) String() string {
	if l.From == l.To {
		return fmt.Sprintf("line %d", l.From)
	}
	return fmt.Sprintf("lines %d to %d", l.From, l.To)
}

// location says where a finding is, in words.
func (f *Finding) location() string {
	switch {
	case f.Object != "":
		return f.Object
	case f.Last > f.Number:
		return fmt.Sprintf("%s, records %d to %d", manifest.Origin(f.Cluster, f.Node, f.Tree), f.Number, f.Last)
	case f.Number > 0:
		return fmt.Sprintf("%s, record %d", manifest.Origin(f.Cluster, f.Node, f.Tree), f.Number)
	case f.Tree > 0:
		return manifest.Origin(f.Cluster, f.Node, f.Tree)
	case f.Seq > 0:
		return fmt.Sprintf("%s/%s %s, number %d", f.Cluster, f.Node, f.Epoch, f.Seq)
	case f.Epoch != "":
		return fmt.Sprintf("%s/%s %s", f.Cluster, f.Node, f.Epoch)
	case f.Node != "":
		return f.Cluster + "/" + f.Node
	}
	return "the archive"
}
