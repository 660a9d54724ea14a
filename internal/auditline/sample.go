package auditline

import "bytes"

// Sampler samples the object and the time of lines. The zero value is ready for use.
type Sampler struct{ dates calendar }

// Object names the Kubernetes object that an event is about. A name that is not
// given is nil.
type Object struct{ Resource, Namespace, Name []byte }

// Object returns the object that the event is about.
func (e *Event) Object() Object {
	return Object{e.text[ObjectResource], e.text[ObjectNamespace], e.text[ObjectName]}
}

// Sample finds the object and the stage timestamp of a canonical line without
// looking at all of it. It costs a tenth of a scan.
//
// It may be wrong about a line that only looks canonical. The caller decodes
// every line in full later, and compares.
//
// ok is false if the line is not as the sample suggests; then it must be decoded.
func (g *Sampler) Sample(line []byte) (o Object, us int64, ok bool) {
	if !hasPrefix(line, eventHeadV1) || line[len(line)-1] != '}' {
		return o, 0, false
	}
	if us, ok = g.time(line); !ok {
		return o, 0, false
	}
	at, found := findObjectRef(line, len(eventHeadV1))
	if !found {
		return o, us, true
	}
	o, ok = sampleObject(line, at+len(objectRefHead))
	return o, us, ok
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

// sampleObject reads the first members of objectRef, which begin at line[at].
func sampleObject(line []byte, at int) (o Object, ok bool) {
	first := true
	for i, to := range [...]*[]byte{&o.Resource, &o.Namespace, &o.Name} {
		name := refMembers[i].key
		if first {
			name = name[1:]
		}
		if !hasPrefix(line[at:], name) || at+len(name) == len(line) || line[at+len(name)] != '"' {
			continue
		}
		first = false
		from := at + len(name) + 1
		end := plainRun(line, from)
		if end == len(line) || line[end] != '"' {
			return o, false
		}
		*to = line[from:end:end]
		at = end + 1
	}
	return o, true
}

const (
	stageTimeHead = `,"stageTimestamp":"`
	// MaxTail is how far from a line's end its timestamp is looked for: the
	// annotations that follow it are short.
	MaxTail = 2 << 10
)

// time finds the stage timestamp, the last one.
func (g *Sampler) time(line []byte) (int64, bool) {
	const t = len(`,"stage`) // the T in it is rare
	stop := max(len(eventHeadV1), len(line)-MaxTail)
	for at := len(line) - microTimeLen; at > stop; at-- {
		if line[at] == 'T' && hasPrefix(line[at-t:], stageTimeHead) {
			from := at - t + len(stageTimeHead)
			return g.dates.parse(line[from:min(from+microTimeLen, len(line))])
		}
	}
	return 0, false
}
