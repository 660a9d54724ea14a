package rotate

import "fmt"

// TruncatedError says that a segment is shorter than the part read of it.
// Reader.Next returns it once and then reads the segment from its start.
type TruncatedError struct {
	// Segment is the ID of the segment, Path its file.
	Segment, Path string
	// Offset is the end of the last line that was read; Size is the present size,
	// in bytes.
	Offset, Size int64
}

func (e *TruncatedError) Error() string {
	return fmt.Sprintf("%s was truncated to %d bytes after it had been read up to %d", e.Path, e.Size, e.Offset)
}

// GoneError says that a segment left the source before it was read to its end.
// Reader.Next returns it once and then continues with the oldest segment that is
// listed and not yet read.
type GoneError struct {
	// Position is how far the segment had been read.
	Position Position
}

func (e *GoneError) Error() string {
	return fmt.Sprintf("segment %s is gone, it had been read up to byte %d (line %d)",
		e.Position.Segment, e.Position.Offset, e.Position.Line)
}

// CorruptError says that a finished ".gz" segment cannot be unpacked to its
// end. Reader.Next returns it once, after all that could be unpacked, and then
// continues with the segment after it.
type CorruptError struct {
	// Position is the end of the unpacked part.
	Position Position
	// Path is the damaged file.
	Path string
	// Err is the damage: io.ErrUnexpectedEOF if the file was cut short.
	Err error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s is damaged after %d unpacked bytes: %v", e.Path, e.Position.Offset, e.Err)
}

// Unwrap returns Err.
func (e *CorruptError) Unwrap() error { return e.Err }
