package parquet

import "bytes"

// glancer takes glances at lines. The zero value is ready for use.
type glancer struct {
	dates calendar
	// tails are where the timestamps of the last lines began, from their ends:
	// few different annotations follow them.
	tails [8]int
	next  int // the one of tails that is replaced next
}

// glance finds the sort key and the stage timestamp of a canonical line without
// looking at all of it, and of a long line at its first and last bytes only.
// The first pass lives on it: it costs a tenth of a scan.
//
// It may be wrong about a line that only looks canonical. The second pass
// decodes every line in full and compares; where a glance was wrong, the
// conversion starts again without glances. Whether that happens depends on
// nothing but the source.
//
// ok is false where the line is not what it seems at once; then it must be
// decoded.
func (g *glancer) glance(l sourceLine, scratch []byte) (key []byte, us int64, ok bool) {
	if !hasPrefix(l.head, eventHeadV1) || l.tail[len(l.tail)-1] != '}' {
		return scratch, 0, false
	}
	us, ok = g.time(l.tail)
	if !ok {
		return scratch, 0, false
	}
	at, found := findObjectRef(l.head, len(eventHeadV1))
	switch {
	case l.long && (!found || at > len(l.head)/2):
		return scratch, 0, false
	case !found:
		return append(scratch, 0, 0, 0), us, true
	}
	key, ok = glanceKey(l.head, at+len(objectRefHead), scratch)
	return key, us, ok
}

const objectRefHead = `,"objectRef":{`

// findObjectRef returns where the first objectRef at or after from starts. Inside a string
// the quotes of its name would be escaped, and the event's own comes before
// any request body, so the first one is it.
func findObjectRef(line []byte, from int) (int, bool) {
	const r = len(`,"object`) // the R in it is rare
	for at := from; ; {
		n := bytes.IndexByte(line[at:], 'R')
		if n < 0 {
			return 0, false
		}
		at += n + 1
		if at > from+r && hasPrefix(line[at-1-r:], objectRefHead) {
			return at - 1 - r, true
		}
	}
}

// glanceKey is appendSortKey for the members of objectRef at line[at:].
func glanceKey(line []byte, at int, key []byte) ([]byte, bool) {
	first := true
	for c := colObjResource; c <= colObjName; c++ {
		name := objectMember(c)
		if first {
			name = name[1:]
		}
		if !hasPrefix(line[at:], name) || at+len(name) == len(line) || line[at+len(name)] != '"' {
			key = append(key, 0)
			continue
		}
		first = false
		from := at + len(name) + 1
		end := plainRun(line, from)
		if end == len(line) || line[end] != '"' || end-from > maxKeyPart {
			return key, false
		}
		key = append(key, 1)
		key = append(append(key, line[from:end]...), 0, 1)
		at = end + 1
	}
	return key, true
}

const (
	stageTimeHead = `,"stageTimestamp":"`
	// maxTail is how far from a line's end its timestamp is looked for: the
	// annotations that follow it are short.
	maxTail = 2 << 10
)

// time finds the stage timestamp: first where it was in the last lines, then
// everywhere.
func (g *glancer) time(line []byte) (int64, bool) {
	for _, tail := range g.tails {
		if at := len(line) - tail; tail > 0 && at > len(eventHeadV1) && hasPrefix(line[at:], stageTimeHead) {
			return g.timeAt(line, at)
		}
	}
	const t = len(`,"stage`) // the T in it is rare
	stop := max(len(eventHeadV1), len(line)-maxTail)
	for at := len(line) - microTimeLen; at > stop; at-- {
		if line[at] == 'T' && hasPrefix(line[at-t:], stageTimeHead) {
			g.tails[g.next] = len(line) - (at - t)
			g.next = (g.next + 1) % len(g.tails)
			return g.timeAt(line, at-t)
		}
	}
	return 0, false
}

func (g *glancer) timeAt(line []byte, at int) (int64, bool) {
	from := at + len(stageTimeHead)
	if from+microTimeLen > len(line) {
		return 0, false
	}
	return g.dates.parse(line[from : from+microTimeLen])
}
