package parquet

// event is one audit event as columns. A nil slice is null; an empty slice
// that is not nil is the empty string.
//
// All slices are views into the line that was decoded, into arena, or into a
// part that is shared by many events; they are valid until the line is reused
// or release is called. An event must not be copied: it may point to itself.
type event struct {
	text  [numFields][]byte // by field, for scalar text fields that no part has
	ints  [numFields]int64  // by field, for numbers and timestamps (µs since 1970)
	given [numFields]bool   // whether ints holds a value
	// unknown is a JSON object of the members that have no field, or nil.
	unknown []byte

	actor *actor // own, or one from the scanner's cache
	notes *notes

	ownActor actor
	ownNotes notes

	arena []byte // unescaped strings; owned by the event until release
}

// actor is who made a request: what stands in a line from user to userAgent.
// Few actors make nearly all requests, so the scanner keeps those it has seen.
type actor struct {
	text                             [colSourceIPs][]byte // by column
	userGroups, impGroups, sourceIPs texts
	userExtra, impExtra              multimap
	segment                          []byte // as it stands in the line; nil for an event's own
}

// notes are the annotations of an event, of which there are few different ones
// as well.
type notes struct {
	multimap        // one value for each key
	segment  []byte // as they stand in the line; nil for an event's own
}

// texts is a list of strings; given tells an empty list from null.
type texts struct {
	given bool
	items [][]byte
}

// multimap is a map from string to list of strings, in the order of its keys.
type multimap struct {
	given  bool
	keys   [][]byte
	values [][]byte // of all keys, one after another
	ends   []int    // ends[i] is the end of the values of keys[i]
}

// maxKept is the largest buffer that outlives one line.
const maxKept = 256 << 10

// emptied empties a buffer, or gives it up if one line made it large.
func emptied(b []byte) []byte {
	if cap(b) > maxKept {
		return nil
	}
	return b[:0]
}

// reset makes every column null.
func (e *event) reset() {
	// Only these columns have their text here; see texts.
	clear(e.text[:colUserAgent])
	clear(e.text[colObjResource:colReceived])
	e.unknown = nil
	e.given = [numFields]bool{}
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
	a.text = [colSourceIPs][]byte{}
	a.userGroups.reset()
	a.impGroups.reset()
	a.sourceIPs.reset()
	a.userExtra.reset()
	a.impExtra.reset()
}

// release gives up all unescaped strings: what was decoded before is no longer
// valid.
func (e *event) release() {
	e.arena = emptied(e.arena)
}

func (t *texts) reset() {
	t.given = false
	t.items = t.items[:0]
}

func (t *texts) add(b []byte) { t.items = append(t.items, b) }

func (m *multimap) reset() {
	m.given = false
	m.keys = m.keys[:0]
	m.values = m.values[:0]
	m.ends = m.ends[:0]
}

// list returns the values of key i.
func (m *multimap) list(i int) [][]byte {
	from := 0
	if i > 0 {
		from = m.ends[i-1]
	}
	return m.values[from:m.ends[i]]
}

func (e *event) setInt(c column, v int64) {
	e.ints[c] = v
	e.given[c] = true
}

// size is how many bytes all texts of the event have.
func (e *event) size() int {
	a := e.actor
	n := sizeOf(e.text[:colUserAgent]) + sizeOf(e.text[colObjResource:colReceived]) + len(e.unknown) + sizeOf(a.text[:])
	n += sizeOf(a.userGroups.items) + sizeOf(a.impGroups.items) + sizeOf(a.sourceIPs.items)
	return n + a.userExtra.size() + a.impExtra.size() + e.notes.size()
}

func (m *multimap) size() int { return sizeOf(m.keys) + sizeOf(m.values) }

func sizeOf(texts [][]byte) int {
	n := 0
	for _, t := range texts {
		n += len(t)
	}
	return n
}

// stageTime returns the stage timestamp in microseconds since 1970.
func (e *event) stageTime() (us int64, ok bool) { return e.number(colStaged) }

// number returns a number, or a timestamp in microseconds since 1970.
func (e *event) number(c column) (n int64, ok bool) { return e.ints[c], e.given[c] }

// textOf returns the text of a field that is a string or JSON; nil for none.
func (e *event) textOf(c column) []byte {
	if c >= colUserAgent && c < colSourceIPs {
		return e.actor.text[c]
	}
	return e.text[c]
}

func (e *event) setText(c column, v []byte) {
	if c >= colUserAgent && c < colSourceIPs {
		e.actor.text[c] = v
		return
	}
	e.text[c] = v
}

// list returns a field that is a list.
func (e *event) list(c column) *texts {
	switch c {
	case colUserGroups:
		return &e.actor.userGroups
	case colImpGroups:
		return &e.actor.impGroups
	}
	return &e.actor.sourceIPs
}

// multimap returns the map that has the field as its keys or values. A map of
// strings has one value for each key.
func (e *event) multimap(c column) *multimap {
	switch c {
	case colUserExtraKey, colUserExtraValue:
		return &e.actor.userExtra
	case colImpExtraKey, colImpExtraValue:
		return &e.actor.impExtra
	}
	return &e.notes.multimap
}
