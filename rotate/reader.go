package rotate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

const (
	defaultMaxLine = 16 << 20
	// maxOpenTries bounds how often one call looks again for a file that moves
	// while it is being opened.
	maxOpenTries = 8
)

// Position is a place between two lines: Reader.Next resumes there.
type Position struct {
	// Segment is the ID of the segment; empty means the oldest one listed.
	Segment string `json:"segment"`
	// Offset counts bytes from the start of the segment (unpacked).
	Offset int64 `json:"offset"`
	// Line is how many lines lie before Offset.
	Line int64 `json:"line"`
}

// Line is one line of the log.
type Line struct {
	// Segment is the ID of the segment that has the line.
	Segment string
	// Offset is where the line starts in the segment (unpacked), End where the
	// next one does.
	Offset, End int64
	// Number is the line's number in the segment, from 1. Empty lines count.
	Number int64
	// NULs is how many NUL bytes of the line are left out: all that it begins
	// with, and of each run of 64 KiB and more further on all but one. They are
	// the hole that a truncation leaves under a writer that continues at its old
	// offset.
	NULs int64
	// Bytes is the line without these NULs and its newline; a carriage return
	// stays. It is the Reader's memory, valid until the next call of Next or
	// Close.
	Bytes []byte
	// Terminated is false for the last bytes of a finished segment that does
	// not end in a newline.
	Terminated bool
	// Len is the length of the line in bytes without its newline, NULs
	// included.
	Len int64
	// Truncated says that the line is, without these NULs, longer than MaxLine.
	// Bytes then has only its first 64 KiB (or MaxLine bytes, if that is
	// less); [Reader.OpenLine] has all of them.
	Truncated bool
}

// ReaderConfig is the limit of a Reader; the zero value is the default.
type ReaderConfig struct {
	// MaxLine is the longest line in bytes that is given whole; 0 means
	// 16 MiB. Memory is bounded by about three times this while a line of that
	// length is read, and is 128 KiB otherwise. NULs that a line begins with
	// take none.
	MaxLine int
}

// Reader reads the lines of a Source in order. It is pulled: it has no
// goroutine, and it is not safe for use by several.
type Reader struct {
	src Source
	pos Position
	// choose says that pos.Segment was read, or is lost: continue with the first
	// segment that is not in seen.
	choose bool
	// located says that the place of pos in the listing has been found once.
	located bool
	// seen has the IDs of listed segments that were read, or passed over by the
	// position that the Reader was given.
	seen map[string]bool
	// listing is the last listing of src, nil if it is known to be out of date.
	listing []Segment

	// cur is the segment at pos and in its open file, nil if it is not open.
	cur Segment
	in  *input
	// final says that cur was known to be complete before the last read.
	final  bool
	lines  splitter
	closed bool
}

// NewReader makes a Reader that resumes at from; the zero Position is the start
// of the oldest segment. It opens nothing yet. The error says which value is
// wrong.
func NewReader(src Source, from Position, cfg ReaderConfig) (*Reader, error) {
	if cfg.MaxLine == 0 {
		cfg.MaxLine = defaultMaxLine
	}
	err := errors.Join(
		require(src != nil, "source is nil"),
		require(cfg.MaxLine > 0, "MaxLine is %d, want a number of bytes above 0", cfg.MaxLine),
		require(from.Offset >= 0 && from.Line >= 0, "position %+v has a negative number", from),
		require(from.Segment != "" || from == Position{}, "position %+v names no segment", from),
	)
	if err != nil {
		return nil, fmt.Errorf("make a log reader: %w", err)
	}
	return &Reader{
		src:     src,
		pos:     from,
		choose:  from.Segment == "",
		located: from.Segment == "",
		seen:    map[string]bool{},
		lines:   newSplitter(cfg.MaxLine),
	}, nil
}

// require returns an error with the given text unless ok.
func require(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// Next returns the next complete line. io.EOF (itself, not wrapped) means that
// it has none now; a later call continues. *TruncatedError, *GoneError and
// *CorruptError report a break in the log, each once; the next call continues
// after it. Any other error concerns a file or directory that it names, and the
// next call tries again: nothing is skipped.
func (r *Reader) Next() (Line, error) {
	if r.closed {
		return Line{}, fmt.Errorf("read the log: reader: %w", fs.ErrClosed)
	}
	for {
		if p, ok := r.lines.next(); ok {
			return r.line(p, true), nil
		}
		if r.in == nil {
			if err := r.open(); err != nil {
				return Line{}, err
			}
		}
		n, err := r.in.Read(r.lines.room())
		r.lines.filled(n)
		if n > 0 {
			continue // an error comes again at the next read
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return r.broken(err)
		}
		// The bytes after the last newline of a complete segment are a line. If
		// the file is shorter by now, atEnd reports the truncation.
		if r.final && r.lines.pending() > 0 && !r.in.shorterThan(r.pos.Offset+r.lines.pending()) {
			p, _ := r.lines.rest()
			return r.line(p, false), nil
		}
		if err := r.atEnd(); err != nil {
			return Line{}, err
		}
	}
}

// line makes a Line and moves the position behind it.
func (r *Reader) line(p piece, terminated bool) Line {
	line := Line{
		Segment:    r.pos.Segment,
		Offset:     r.pos.Offset,
		End:        r.pos.Offset + p.length,
		Number:     r.pos.Line + 1,
		NULs:       p.nuls,
		Bytes:      p.bytes,
		Terminated: terminated,
		Len:        p.length,
		Truncated:  p.length-p.nuls > int64(len(p.bytes)),
	}
	if terminated {
		line.End++
	}
	r.pos.Offset, r.pos.Line = line.End, line.Number
	return line
}

// broken handles a failed read. Damage in a packed file is for ever: the part that could
// be unpacked was given out line by line, the rest is given as a last line,
// then the damage is reported and the segment is done.
func (r *Reader) broken(err error) (Line, error) {
	d, ok := errors.AsType[*damage](err)
	if !ok {
		// The stream of a packed file cannot continue: open it again.
		return Line{}, errors.Join(fmt.Errorf("read the log: %w", err), r.closeInput())
	}
	if p, ok := r.lines.rest(); ok {
		return r.line(p, false), nil
	}
	r.seen[r.cur.ID] = true
	r.choose = true
	return Line{}, errors.Join(&CorruptError{Position: r.pos, Path: d.path, Err: d.err}, r.closeInput())
}

// open finds the segment to read and opens it at the position. It returns
// io.EOF without one.
func (r *Reader) open() error {
	var err error
	for range maxOpenTries {
		var s Segment
		if s, err = r.locate(); err != nil {
			return err
		}
		if r.in, err = openInput(s, r.pos.Offset); err == nil {
			r.cur, r.final = s, s.Finished
			return r.truncated()
		}
		r.listing = nil
		// A file that moves between the listing and here is listed again.
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errReplaced) {
			continue
		}
		if d, ok := errors.AsType[*damage](err); ok {
			r.seen[s.ID] = true
			r.choose = true
			return &CorruptError{Position: r.pos, Path: d.path, Err: d.err}
		}
		if _, ok := errors.AsType[*TruncatedError](err); ok {
			r.pos.Offset, r.pos.Line = 0, 0
		}
		return err
	}
	return err
}

// truncated reports once that the current file is shorter than the part read
// of it, and goes back to its start.
func (r *Reader) truncated() error {
	if !r.in.shorterThan(r.pos.Offset + r.lines.pending()) {
		return nil
	}
	e := &TruncatedError{Segment: r.cur.ID, Path: r.cur.Path, Offset: r.pos.Offset, Size: r.in.size()}
	r.pos.Offset, r.pos.Line = 0, 0
	return errors.Join(e, r.closeInput())
}

// closeInput closes the current file. The position stays.
func (r *Reader) closeInput() error {
	r.lines.reset()
	in := r.in
	r.in = nil
	if in == nil {
		return nil
	}
	return in.Close()
}

// Position returns the position after the last line that Next returned, or the
// start of the segment that it has moved to since.
func (r *Reader) Position() Position { return r.pos }

// Lag returns how many bytes are listed and not yet returned: of the current
// segment and of all that follow. Packed segments count as packed, the current
// one in full.
func (r *Reader) Lag() (int64, error) {
	segments, err := r.src.Held()
	if err != nil {
		return 0, fmt.Errorf("list the log: %w", err)
	}
	var lag int64
	for _, s := range r.unread(segments) {
		switch {
		case s.ID != r.pos.Segment || s.Gzip:
			lag += s.Size
		default:
			lag += max(0, s.Size-r.pos.Offset)
		}
	}
	return lag, nil
}

// Close closes the open file. The position stays readable.
func (r *Reader) Close() error {
	r.closed = true
	if err := r.closeInput(); err != nil {
		return fmt.Errorf("close the log: %w", err)
	}
	return nil
}
