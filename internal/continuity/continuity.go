package continuity

import (
	"fmt"
	"slices"
	"time"
)

// The tolerances. Each is far above what happens without a loss and far below
// the bounds of a loss.
const (
	// rotationTolerance is how far apart the end of one file and the beginning of
	// the next may be. kube-apiserver creates the new file right after it has
	// renamed the old one, in the same call; the kernel's clock for files ticks
	// every few milliseconds, and a busy node may stop the call for a while.
	rotationTolerance = 500 * time.Millisecond
	// unnamedTolerance is the same if the backup name of the first was not seen.
	unnamedTolerance = 2 * time.Second
	// quietTolerance is the same if the first event stands in for the creation.
	quietTolerance = time.Minute
	// sightTolerance is how long after the last sign of one file the next may have
	// been created if kube-apiserver cannot have pruned a file between the two.
	// It bounds the other possible losses: a file that was created, rotated and
	// deleted by another process within that time, unseen.
	sightTolerance = 10 * time.Second
	// maxFillRate is more bytes a second than kube-apiserver writes to its log.
	maxFillRate = 20 << 20
	// fileClock is more than a tick of the clock that files get their times from.
	fileClock = 20 * time.Millisecond
	// SettleTime is longer than it takes to write a copy of the log under its name.
	SettleTime = 5 * time.Second
)

// File is the knowledge of one file of the audit log. A zero time is unknown.
type File struct {
	// Name is its name in the audit directory.
	Name string
	// Finished says that it was rotated, Unnamed that its backup name was not
	// seen, Gzip that it was compressed since.
	Finished, Unnamed, Gzip bool
	// Born is when it was created, Rotated when it was renamed, Wrote when it was
	// last written to.
	Born, Rotated, Wrote time.Time
	// Size in bytes, the most that was seen.
	Size int64
}

// lastWrite is when kube-apiserver last wrote to the file: just before its
// rotation, in a busy cluster, and independent of the time in its name.
func (f File) lastWrite() time.Time {
	if f.Gzip {
		return time.Time{} // the compression wrote it
	}
	return f.Wrote
}

// Verdict says whether one file follows another.
type Verdict int

// The verdicts.
const (
	// Undecided: the evidence does not suffice yet.
	Undecided Verdict = iota
	// Continuous: nothing is missing between the two.
	Continuous
	// Missing: something is.
	Missing
)

// Gap describes the lines missing between two files.
type Gap struct {
	Reason   Reason
	From, To time.Time
	// Bytes is an estimate, -1 without one.
	Bytes  int64
	Detail string
}

// Pair is the evidence on two files that were held one after the other.
type Pair struct {
	Before, After File
	// FirstEvent is the timestamp of After's first event. It is needed only if the
	// verdict without it is not Continuous.
	FirstEvent time.Time
}

// Judge decides whether After follows Before, which must be finished. The gap
// is set if something is missing.
func (p Pair) Judge() (Verdict, Gap) {
	began, tolerance := p.After.Born, rotationTolerance
	if p.After.Gzip || began.IsZero() {
		began, tolerance = p.FirstEvent, quietTolerance
	}
	if began.IsZero() {
		return Undecided, Gap{} // an empty file: decided when it has a line
	}
	tolerance = max(tolerance, p.fillTime())
	if p.Before.Unnamed {
		tolerance = max(tolerance, unnamedTolerance)
	}
	if began.Sub(p.Before.Rotated) <= tolerance || apart(began, p.Before.lastWrite()) <= tolerance || p.carries() {
		return Continuous, Gap{}
	}
	gap := Gap{Reason: ReasonPruned, From: p.Before.Rotated, To: began, Bytes: p.estimate(began)}
	lost := "files between them were pruned before they were seen"
	if p.Before.Unnamed && !p.After.Finished { // else a file between them would be listed
		gap.Reason, lost = ReasonReplaced, "that one was replaced or deleted without a rotation: no backup followed it"
	}
	gap.Detail = fmt.Sprintf("%s was created %s after %s was rotated; %s",
		p.After.Name, began.Sub(p.Before.Rotated).Round(time.Second), p.Before.Name, lost)
	return Missing, gap
}

// carries reports whether After begins with the event that made kube-apiserver
// rotate Before. The file after one that was pruned begins with the event that
// made it rotate that one, about when the file was created.
func (p Pair) carries() bool {
	return !p.Before.Unnamed && !p.After.Gzip && !p.FirstEvent.IsZero() && Adjoins(p.Before.Rotated, p.FirstEvent)
}

// Adjoins reports whether nothing can be missing between the rotation of one
// file and the beginning of the next.
func Adjoins(rotated, began time.Time) bool { return apart(began, rotated) <= rotationTolerance }

// fillTime is the time in which a file between two finished ones cannot have
// been filled: it would have been as large as they are.
func (p Pair) fillTime() time.Duration {
	if !p.Before.Finished || !p.After.Finished || p.Before.Gzip || p.After.Gzip {
		return 0
	}
	seconds := float64(min(p.Before.Size, p.After.Size)) / maxFillRate
	return min(time.Duration(seconds*float64(time.Second)), sightTolerance)
}

// estimate returns how many bytes were written between the two files, at the
// rate of the first one; -1 if it has no rate.
func (p Pair) estimate(until time.Time) int64 {
	took := p.Before.Rotated.Sub(p.Before.Born)
	missing := until.Sub(p.Before.Rotated)
	if p.Before.Born.IsZero() || took < time.Second || p.Before.Size == 0 || missing < 0 {
		return -1
	}
	return int64(float64(p.Before.Size) / took.Seconds() * missing.Seconds())
}

// Sight is the evidence on a file when it is first seen.
type Sight struct {
	// Unpruned says that kube-apiserver cannot have pruned a file between the one
	// before it and this one.
	Unpruned bool
	// LastSign is when the file before it was last known to be the newest: when
	// it was rotated or written to, or when a listing had nothing after it.
	LastSign time.Time
	// Born is when the new file was created, or first seen.
	Born time.Time
	// ByName says that only the names put the one before the other. A name far later
	// than Born is then of a clock that was set back, and proves nothing.
	ByName bool
}

// Continuous reports whether the file follows the one before it. If it does not,
// [Pair] decides later.
func (s Sight) Continuous() bool {
	since := s.Born.Sub(s.LastSign)
	return s.Unpruned && !s.LastSign.IsZero() && since <= sightTolerance && (!s.ByName || since >= -sightTolerance)
}

// Replacement is the evidence on a file that lost its name to another file.
type Replacement struct {
	// Created is when the file was created that has the name now, Wrote when the
	// old one was last written to.
	Created, Wrote time.Time
}

// WriterStayed reports whether kube-apiserver continued to write to the old file,
// which is no rotation.
func (r Replacement) WriterStayed() bool {
	return !r.Created.IsZero() && r.Wrote.Sub(r.Created) > fileClock
}

// Writer is the evidence on where kube-apiserver writes, if a file has lost its
// name and others were seen after it.
type Writer struct {
	// Wrote is when the file that lost its name was last written to.
	Wrote time.Time
	// Later are the files after it, in the order in which they were seen.
	Later []LaterFile
}

// LaterFile is a file that was seen after another.
type LaterFile struct {
	// Finished says that it was rotated.
	Finished bool
	// Size is its size now, in bytes.
	Size int64
	// FirstWrote is its time of modification when it was first seen, Wrote now.
	FirstWrote, Wrote time.Time
}

// Moved reports whether kube-apiserver writes to a later file: one was rotated,
// or was written to after it was first seen. The bytes that it had by then
// prove nothing: sed -i, an editor or cp put them there, and the writer stays on
// the old one. Nor does a write within SettleTime of the replacement, or of the
// last write to the old one.
func (w Writer) Moved() bool {
	if len(w.Later) == 0 {
		return false
	}
	settled := slices.MaxFunc([]time.Time{w.Wrote, w.Later[0].FirstWrote}, time.Time.Compare).Add(SettleTime)
	for _, f := range w.Later {
		if f.Finished || f.Size > 0 && f.Wrote.After(f.FirstWrote) && f.Wrote.After(settled) {
			return true
		}
	}
	return false
}

// Loss describes the seen bytes that a file lacks.
type Loss int

// The losses.
const (
	// NoLoss: it has at least the bytes that were seen.
	NoLoss Loss = iota
	// Truncated: bytes that were seen are gone.
	Truncated
	// Edited: it has as many bytes as were seen, and some are others.
	Edited
)

// Content is the evidence on the bytes of one file.
type Content struct {
	// Seen is the most bytes that were seen, Size how many there are.
	Seen, Size int64
	// SameStart says that its first bytes are those that were seen, SameRest that
	// all others that can be compared are. Holed says that it begins with NUL
	// bytes instead, as a truncation leaves under a writer that continues at its
	// old offset.
	SameStart, SameRest, Holed bool
	// Finished says that it was rotated: it has no writer.
	Finished bool
}

// Judge returns the loss of the file. Other bytes in an open file are taken for
// a truncation whose writer has caught up again.
func (c Content) Judge() Loss {
	changed := !c.SameStart || !c.SameRest
	switch {
	case c.Size < c.Seen, changed && (c.Holed || !c.Finished):
		return Truncated
	case changed:
		return Edited
	}
	return NoLoss
}

func apart(a, b time.Time) time.Duration { return a.Sub(b).Abs() }
