package manifest

import (
	"errors"
	"fmt"
)

var (
	// ErrInvalid is returned for bytes that are no record: no JSON, a field of the
	// wrong type, missing, or out of its range.
	ErrInvalid = errors.New("not a valid manifest record")
	// ErrNewer is returned by [Decode] for a version, a kind or a field that
	// this program does not know.
	ErrNewer = errors.New("written by a newer version of auditsidecar (or changed): use that version")
	// ErrNotCanonical is returned by [Decode] for a record that is not
	// encoded as [Encode] does it: another program wrote or changed it.
	ErrNotCanonical = errors.New("not in canonical form: it was changed after it was sealed")
	// ErrConflict is returned by [Chain.Seal] when the number is sealed
	// already, with other content. The sealed record stays.
	ErrConflict = errors.New("this number is sealed with other content")
	// ErrRemoved is returned by [Chain.Seal] when the record of that number is
	// the head and was removed after it was stored.
	ErrRemoved = errors.New("this number was sealed, stored and removed")
	// ErrOrder is returned by [Chain.Remove] for a record that is not the
	// oldest: older ones are not stored yet.
	ErrOrder = errors.New("an older record is still there")
	// ErrUnknown is returned for a number without a sealed record.
	ErrUnknown = errors.New("no sealed record of this number")
	// ErrNotContinued is returned by [Chain.Join] if the records of the archive and the
	// leaves on this disk are not one tree.
	ErrNotContinued = errors.New("the tree cannot be continued")
)

// BrokenError says why a directory of sealed records cannot be continued.
type BrokenError struct {
	// Dir is the directory.
	Dir string
	// Detail is the fault.
	Detail string
}

// Error names the fault.
func (e *BrokenError) Error() string {
	return fmt.Sprintf("continue the chain of records in %s: %s; it takes a new epoch to continue", e.Dir, e.Detail)
}

func (f folder) broken(format string, args ...any) error {
	return &BrokenError{Dir: f.Dir(), Detail: fmt.Sprintf(format, args...)}
}
