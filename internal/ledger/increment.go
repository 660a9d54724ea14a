package ledger

import "time"

// Increments is how far the archive has a segment that is still being
// written, as objects of complete lines, each beginning where the one before
// it ended. The objects of the finished segment supersede them.
type Increments struct {
	// Offset is the number of bytes that the archive has, from the start of
	// the file; a line ends there.
	Offset int64 `json:"offset"`
	// Line is the number of lines before Offset.
	Line int64 `json:"line"`
	// Shift is how many more bytes the archive has than are before Offset; it
	// is not 0 where the archive is redacted, and mostly negative.
	Shift int64 `json:"shift,omitempty"`
	// Before identifies the bytes right before Offset: where they are others
	// now, the file was truncated or overwritten.
	Before Mark `json:"before,omitzero"`
	// At is a time before which no line was written that is not in front of
	// Offset; zero before the first increment.
	At time.Time `json:"at,omitzero"`
	// Next is the increment that is being stored. Its bytes are kept under
	// work/ and are sent, in each attempt.
	Next *Increment `json:"next,omitempty"`
}

// Increment is an object that begins at [Increments.Offset]. Its fields are
// those of the Increments that are true once it is stored.
type Increment struct {
	Object           // without a key where the work file was lost: it is made again
	Day    time.Time `json:"day"` // UTC; its lines were written on it
	Offset int64     `json:"offset"`
	Line   int64     `json:"line"`
	Shift  int64     `json:"shift,omitempty"`
	Before Mark      `json:"before,omitzero"`
	At     time.Time `json:"at,omitzero"`
}

// Done is the Increments that is true once the increment is stored.
func (i Increment) Done() *Increments {
	return &Increments{Offset: i.Offset, Line: i.Line, Shift: i.Shift, Before: i.Before, At: i.At}
}
