package parquet

// outcome says what a line turned out to be.
type outcome int

const (
	canonical   outcome = iota // the scanner took it, or what is known of it; the proof is still due
	irregular                  // an event in another form
	broken                     // whole events somewhere in it
	undecodable                // no event
)

// decoder fills events from lines. It owns the buffers of all the ways there
// are to do so.
type decoder struct {
	scanner scanner
	cutter  cutter
	general general
	probe   event // for events that are only looked for
}

// line decodes a whole line. For a broken line, e holds the first event found
// and parts are all of them; otherwise parts is nil.
func (d *decoder) line(line []byte, e *event) (o outcome, parts []span) {
	if d.scanner.scan(line, e) || d.extended(line, e) {
		return canonical, nil
	}
	if d.general.decode(line, e) {
		return irregular, nil
	}
	parts = d.salvage(line)
	if len(parts) == 0 {
		e.reset()
		return undecodable, nil
	}
	d.part(line[parts[0].from:parts[0].to], e)
	return broken, parts
}

// part decodes one event that salvage found.
func (d *decoder) part(text []byte, e *event) {
	if !d.scanner.scan(text, e) && !d.extended(text, e) {
		d.general.decode(text, e)
	}
}
