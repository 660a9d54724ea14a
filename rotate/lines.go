package rotate

import "bytes"

const (
	// baseBuffer is the size of the read buffer while lines are short.
	baseBuffer = 128 << 10
	// keptBuffer is the largest buffer kept once the line that needed it is done.
	keptBuffer = 256 << 10
	// headSize is how much is kept of a line longer than the limit.
	headSize = 64 << 10
)

// splitter cuts what is read into lines. The bytes of a line belong to the
// splitter and are valid until the next call of any of its methods.
type splitter struct {
	// buf[start:end] are the bytes read and not yet given out; there is no
	// newline in buf[start:scanned].
	buf                 []byte
	start, scanned, end int
	// max is the longest line kept whole; head is how much is kept of others.
	max, head int
	// nuls is how many NUL bytes the unfinished line begins with that are not
	// in buf any more.
	nuls int64
	// long, if not 0, is the length so far of an unfinished line over max,
	// after its NULs. Then buf[:head] is its beginning and start is not used.
	long int64
}

// piece is one line as the splitter gives it.
type piece struct {
	// bytes is the line after its first NULs, or the head of it.
	bytes []byte
	// nuls is how many NUL bytes it begins with; length counts all of it.
	nuls, length int64
}

// newSplitter makes a splitter for lines of up to maxLine bytes.
func newSplitter(maxLine int) splitter {
	return splitter{max: maxLine, head: min(headSize, maxLine)}
}

// next gives the next complete line without its newline.
func (s *splitter) next() (p piece, ok bool) {
	i := bytes.IndexByte(s.buf[s.scanned:s.end], '\n')
	if i < 0 {
		s.scanAll()
		return piece{}, false
	}
	i += s.scanned
	p = s.piece(i)
	s.start, s.scanned = i+1, i+1
	return p, true
}

// piece gives the line that ends at buf[end].
func (s *splitter) piece(end int) piece {
	if s.long > 0 {
		length := s.nuls + s.long + int64(end-s.scanned)
		p := piece{bytes: s.buf[:s.head], nuls: s.nuls, length: length}
		s.nuls, s.long = 0, 0
		return p
	}
	s.dropNULs(end)
	line := s.buf[s.start:end]
	p := piece{bytes: line, nuls: s.nuls, length: s.nuls + int64(len(line))}
	if len(line) > s.max {
		p.bytes = line[:s.head]
	}
	s.nuls = 0
	return p
}

// dropNULs moves start behind the NULs that the line begins with.
func (s *splitter) dropNULs(end int) {
	for s.start < end && s.buf[s.start] == 0 {
		s.start++
		s.nuls++
	}
	s.scanned = max(s.scanned, s.start)
}

// scanAll notes that the buffer has no newline, and lets go of what exceeds
// the head of a line that is over the limit.
func (s *splitter) scanAll() {
	n := s.end - s.scanned
	s.scanned = s.end
	if s.long > 0 {
		s.long += int64(n)
		s.scanned, s.end = s.head, s.head
		return
	}
	if s.dropNULs(s.end); s.end-s.start <= s.max {
		return
	}
	s.long = int64(s.end - s.start)
	head := s.buf[s.start : s.start+s.head]
	if len(s.buf) > baseBuffer {
		s.buf = make([]byte, baseBuffer)
	}
	copy(s.buf, head)
	s.start, s.scanned, s.end = 0, s.head, s.head
}

// rest gives what follows the last newline; ok is false if that is nothing.
func (s *splitter) rest() (p piece, ok bool) {
	if s.pending() == 0 {
		return piece{}, false
	}
	s.scanned = s.end // next has looked at all of it
	p = s.piece(s.end)
	s.reset()
	return p, true
}

// pending returns how many bytes were read and not yet given out. It is exact
// after next has returned false.
func (s *splitter) pending() int64 {
	if s.long > 0 {
		return s.nuls + s.long
	}
	return s.nuls + int64(s.end-s.start)
}

// reset forgets what was read.
func (s *splitter) reset() {
	s.start, s.scanned, s.end, s.nuls, s.long = 0, 0, 0, 0, 0
}

// room returns the space for the next read, never empty. It is called after
// next has returned false; filled must follow.
func (s *splitter) room() []byte {
	if s.long > 0 {
		return s.buf[s.end:]
	}
	n := s.end - s.start
	switch {
	case len(s.buf) == 0, len(s.buf) > keptBuffer && n < baseBuffer:
		s.move(make([]byte, baseBuffer))
	case n == 0:
		s.start, s.scanned, s.end = 0, 0, 0
	case s.start > 0 && len(s.buf)-s.end < baseBuffer/4:
		s.move(s.buf)
	case s.end == len(s.buf):
		// At most max bytes are pending here, so this always grows.
		s.move(make([]byte, min(2*len(s.buf), s.max+baseBuffer)))
	}
	return s.buf[s.end:]
}

// move puts the pending bytes at the start of buf and goes on with that.
func (s *splitter) move(buf []byte) {
	n := copy(buf, s.buf[s.start:s.end])
	s.buf = buf
	s.scanned -= s.start
	s.start, s.end = 0, n
}

// filled notes that n bytes were read into the room.
func (s *splitter) filled(n int) { s.end += n }
