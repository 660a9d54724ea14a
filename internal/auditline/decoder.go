package auditline

// Outcome classifies a line.
type Outcome int

// The outcomes.
const (
	Canonical   Outcome = iota // the scanner took it, or its known fields; the proof is still due
	Irregular                  // an event in another form
	Broken                     // whole events somewhere in it, or a list of them
	Undecodable                // no event
)

// Decoder fills events from lines. It owns the buffers of all the ways there
// are to do so.
type Decoder struct {
	scanner scanner
	cutter  cutter
	general general
	walker  Walker
}

// Line decodes a whole line. For a broken line, e holds the first event found
// and parts are all of them, each a line of its own to this function; otherwise parts is nil.
func (d *Decoder) Line(line []byte, e *Event) (o Outcome, parts []Span) {
	if d.scanner.scan(line, e) || d.extended(line, e) {
		return Canonical, nil
	}
	if d.general.decode(line, e) {
		return Irregular, nil
	}
	parts = d.salvage(line, e)
	e.Release()
	if len(parts) == 0 {
		e.Reset()
		return Undecodable, nil
	}
	d.Line(line[parts[0].From:parts[0].To], e)
	return Broken, parts
}

// Skim decodes a line in kube-apiserver's own form without unknown members, and reports whether it
// is one; if not, the content of e is undefined. Of the fields from user to userAgent it reads only the
// name of the user, and it does not look into the request and response objects: both together are the
// text of [RequestObject], as they stand in the line, and need not be JSON. [RequestURI] and
// [ResponseMessage] stay as they are written in the line, with their escapes ([Event.Unquoted]).
func (d *Decoder) Skim(line []byte, e *Event) bool {
	d.scanner.skims = true
	ok := d.scanner.scan(line, e)
	d.scanner.skims = false
	return ok
}
