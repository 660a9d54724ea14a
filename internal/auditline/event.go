package auditline

// Event is one audit event as fields. A nil slice is null; an empty slice that
// is not nil is the empty string.
//
// All slices are views into the line that was decoded, into arena, or into a
// part that is shared by many events; they are valid until the line is reused
// or Release is called. An event must not be copied: it may point to itself.
type Event struct {
	text  [NumFields][]byte // by field, for scalar text fields that no part has
	ints  [NumFields]int64  // by field, for numbers and timestamps (µs since 1970)
	given [NumFields]bool   // whether ints holds a value
	// unknown is a JSON object of the members that have no field, or nil.
	Unknown []byte

	actor *actor // own, or one from the scanner's cache
	notes *notes

	ownActor actor
	ownNotes notes

	arena []byte // unescaped strings; owned by the event until release
}

// actor is who made a request: what stands in a line from user to userAgent.
// Few actors make nearly all requests, so the scanner keeps those it has seen.
type actor struct {
	text                             [SourceIPs][]byte // by column
	userGroups, impGroups, sourceIPs List
	userExtra, impExtra              Map
	segment                          []byte // as it stands in the line; nil for an event's own
}

// notes are the annotations of an event, of which there are few different ones
// as well.
type notes struct {
	Map            // one value for each key
	segment []byte // as they stand in the line; nil for an event's own
}

// List is a list of strings; Given tells an empty list from null.
type List struct {
	Given bool
	Items [][]byte
}

// Map is a map from string to list of strings, in the order of its keys.
type Map struct {
	Given  bool
	Keys   [][]byte
	Values [][]byte // of all keys, one after another
	Ends   []int    // ends[i] is the end of the values of keys[i]
}

// MaxKept is the size of the largest buffer that outlives one line.
const MaxKept = 256 << 10

// Emptied empties a buffer, or gives it up if one long value made it larger than
// limit.
func Emptied(b []byte, limit int) []byte {
	if cap(b) > limit {
		return nil
	}
	return b[:0]
}

func emptied(b []byte) []byte { return Emptied(b, MaxKept) }

// Reset makes every field null.
func (e *Event) Reset() {
	// Only these columns have their text here; see texts.
	clear(e.text[:UserAgent])
	clear(e.text[ObjectResource:RequestReceived])
	e.Unknown = nil
	e.given = [NumFields]bool{}
	// Where a part came from a cache, the event's own one is still empty.
	if e.actor == &e.ownActor {
		e.actor.reset()
	}
	if e.notes == &e.ownNotes {
		e.notes.reset()
	}
	e.actor, e.notes = &e.ownActor, &e.ownNotes
}

func (a *actor) reset() {
	a.text = [SourceIPs][]byte{}
	a.userGroups.reset()
	a.impGroups.reset()
	a.sourceIPs.reset()
	a.userExtra.reset()
	a.impExtra.reset()
}

// Release gives up all unescaped strings: what was decoded before is no longer
// valid.
func (e *Event) Release() {
	e.arena = emptied(e.arena)
}

func (t *List) reset() {
	t.Given = false
	t.Items = t.Items[:0]
}

func (t *List) add(b []byte) { t.Items = append(t.Items, b) }

func (m *Map) reset() {
	m.Given = false
	m.Keys = m.Keys[:0]
	m.Values = m.Values[:0]
	m.Ends = m.Ends[:0]
}

// ValuesOf returns the values of key i.
func (m *Map) ValuesOf(i int) [][]byte {
	from := 0
	if i > 0 {
		from = m.Ends[i-1]
	}
	return m.Values[from:m.Ends[i]]
}

// SetInt gives a field a number, or a timestamp in microseconds since 1970.
func (e *Event) SetInt(c Field, v int64) {
	e.ints[c] = v
	e.given[c] = true
}

// Size is how many bytes all texts of the event have.
func (e *Event) Size() int {
	a := e.actor
	n := sizeOf(e.text[:UserAgent]) + sizeOf(e.text[ObjectResource:RequestReceived]) + len(e.Unknown) + sizeOf(a.text[:])
	n += sizeOf(a.userGroups.Items) + sizeOf(a.impGroups.Items) + sizeOf(a.sourceIPs.Items)
	return n + a.userExtra.size() + a.impExtra.size() + e.notes.size()
}

func (m *Map) size() int { return sizeOf(m.Keys) + sizeOf(m.Values) }

func sizeOf(texts [][]byte) int {
	n := 0
	for _, t := range texts {
		n += len(t)
	}
	return n
}

// StageTime returns the stage timestamp in microseconds since 1970.
func (e *Event) StageTime() (us int64, ok bool) { return e.Int(StageTimestamp) }

// Int returns a number, or a timestamp in microseconds since 1970.
func (e *Event) Int(c Field) (n int64, ok bool) { return e.ints[c], e.given[c] }

// Text returns the text of a field that is a string or JSON; nil for none.
func (e *Event) Text(c Field) []byte {
	if c >= UserAgent && c < SourceIPs {
		return e.actor.text[c]
	}
	return e.text[c]
}

// SetText gives a field that is a string or JSON a text.
func (e *Event) SetText(c Field, v []byte) {
	if c >= UserAgent && c < SourceIPs {
		e.actor.text[c] = v
		return
	}
	e.text[c] = v
}

// List returns a field that is a list.
func (e *Event) List(c Field) *List {
	switch c {
	case UserGroups:
		return &e.actor.userGroups
	case ImpersonatedGroups:
		return &e.actor.impGroups
	}
	return &e.actor.sourceIPs
}

// Map returns the map that has the field as its keys or values. A map of
// strings has one value for each key.
func (e *Event) Map(c Field) *Map {
	switch c {
	case UserExtraKey, UserExtraValue:
		return &e.actor.userExtra
	case ImpersonatedExtraKey, ImpersonatedExtraValue:
		return &e.actor.impExtra
	}
	return &e.notes.Map
}
