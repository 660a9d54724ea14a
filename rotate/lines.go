package rotate

import "bytes"

const (
	// baseBuffer is the size of the read buffer while lines are short.
	baseBuffer = 128 << 10
	// keptBuffer is the largest buffer kept once the line that needed it is done.
	keptBuffer = 256 << 10
	// holeSize is the length of a run of NULs in a line from which it is a hole,
	// as a truncation or a full disk leaves one.
	holeSize = 64 << 10
	// headSize is how much is kept of a line longer than the limit.
	headSize = 64 << 10
)

// splitter cuts the input into lines. The bytes of a line belong to the
// splitter and are valid until the next call of any of its methods.
type splitter struct {
	// buf[start:end] are the bytes read and not yet given out; there is no
	// newline in buf[start:scanned].
	buf                 []byte
	start, scanned, end int
	// max is the longest line kept whole; head is how much is kept of others.
	max, head int
	// nuls is how many NUL bytes of the unfinished line are left out: all that it
	// begins with, and of each hole further on all but one.
	nuls int64
	// hole is how many of them are of a hole that may continue.
	hole int64
	// long, if not 0, is the length so far of an unfinished line over max,
	// without the left-out part and without the run of NULs that may continue. Then
	// buf[:head] is its beginning and start is not used.
	long, run int64
}

// piece is one line as the splitter gives it.
type piece struct {
	// bytes is the line without its NULs, or the head of it.
	bytes []byte
	// nuls is how many NUL bytes are left out; length counts all of it.
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
		s.count(s.buf[s.scanned:end])
		s.endRun()
		p := piece{bytes: s.buf[:s.head], nuls: s.nuls, length: s.nuls + s.long}
		s.nuls, s.long = 0, 0
		return p
	}
	s.dropNULs(end)
	line := s.buf[s.start:s.closeHoles(end)]
	s.hole = 0
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

// closeHoles takes the holes out of the line so far, which ends at buf[end], and
// returns where it ends then.
func (s *splitter) closeHoles(end int) int {
	at := s.scanned
	if s.hole > 0 {
		n := nulsAt(s.buf[at:end])
		s.nuls, s.hole = s.nuls+int64(n), s.hole+int64(n)
		if end = at + copy(s.buf[at:], s.buf[at+n:end]); end == at {
			return end
		}
		s.hole = 0
	}
	if bytes.IndexByte(s.buf[at:end], 0) < 0 {
		return end
	}
	at = s.start + len(bytes.TrimRight(s.buf[s.start:at], "\x00")) // a run may have begun before
	kept := at
	for at < end {
		run := nulsAt(s.buf[at:end])
		if run >= holeSize {
			s.nuls += int64(run - 1)
			if at += run - 1; at+1 == end {
				s.hole = int64(run - 1)
			}
			run = 1
		}
		text := bytes.IndexByte(s.buf[at+run:end], 0)
		if text < 0 {
			text = end - at - run
		}
		kept += copy(s.buf[kept:], s.buf[at:at+run+text])
		at += run + text
	}
	return kept
}

// count takes the next bytes of a long line.
func (s *splitter) count(b []byte) {
	for len(b) > 0 {
		n := nulsAt(b)
		if s.run, b = s.run+int64(n), b[n:]; len(b) == 0 {
			return
		}
		s.endRun()
		if n = bytes.IndexByte(b, 0); n < 0 {
			n = len(b)
		}
		s.long, b = s.long+int64(n), b[n:]
	}
}

// endRun ends the run of NULs that a long line has come to.
func (s *splitter) endRun() {
	if s.run >= holeSize {
		s.nuls, s.run = s.nuls+s.run-1, 1
	}
	s.long, s.run = s.long+s.run, 0
}

// nulsAt is how many NULs b begins with.
func nulsAt(b []byte) int { return len(b) - len(bytes.TrimLeft(b, "\x00")) }

// scanAll notes that the buffer has no newline, and lets go of bytes beyond
// the head of a line that is over the limit.
func (s *splitter) scanAll() {
	if s.long > 0 {
		s.count(s.buf[s.scanned:s.end])
		s.scanned, s.end = s.head, s.head
		return
	}
	s.dropNULs(s.end)
	s.end = s.closeHoles(s.end)
	if s.scanned = s.end; s.end-s.start <= s.max {
		return
	}
	line := s.buf[s.start:s.end]
	s.long = int64(len(bytes.TrimRight(line, "\x00")))
	s.run = int64(len(line)) - s.long + s.hole
	s.nuls, s.hole = s.nuls-s.hole, 0
	head := s.buf[s.start : s.start+s.head]
	if len(s.buf) > baseBuffer {
		s.buf = make([]byte, baseBuffer)
	}
	copy(s.buf, head)
	s.start, s.scanned, s.end = 0, s.head, s.head
}

// rest returns the bytes after the last newline; ok is false without any.
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
		return s.nuls + s.long + s.run
	}
	return s.nuls + int64(s.end-s.start)
}

// reset forgets all input.
func (s *splitter) reset() {
	s.start, s.scanned, s.end, s.nuls, s.hole, s.long, s.run = 0, 0, 0, 0, 0, 0, 0
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

// move puts the pending bytes at the start of buf and continues with that.
func (s *splitter) move(buf []byte) {
	n := copy(buf, s.buf[s.start:s.end])
	s.buf = buf
	s.scanned -= s.start
	s.start, s.end = 0, n
}

// filled notes that n bytes were read into the room.
func (s *splitter) filled(n int) { s.end += n }
