package parquet

// Values of the column decode_status.
const (
	statusOK          = "ok"
	statusSalvaged    = "salvaged"
	statusUndecodable = "undecodable"
)

// statusTexts are the same as values.
type statusTexts struct{ ok, salvaged, undecodable []byte }

func newStatusTexts() statusTexts {
	return statusTexts{[]byte(statusOK), []byte(statusSalvaged), []byte(statusUndecodable)}
}

// event is one audit event as columns. A nil slice is null; an empty slice
// that is not nil is the empty string.
//
// All slices are views into the line that was decoded, into arena, or into a
// part that is shared by many events; they are valid until the line is reused
// or release is called. An event must not be copied: it may point to itself.
type event struct {
	text  [numColumns][]byte // by column, for scalar text columns that no part has
	ints  [numColumns]int64  // by column, for numbers and timestamps (µs since 1970)
	given [numColumns]bool   // whether ints holds a value

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

// maxKeptArena is the largest arena that outlives one line.
const maxKeptArena = 256 << 10

// reset makes every column null.
func (e *event) reset() {
	// Only these columns have their text here; see texts.
	clear(e.text[:colUserAgent])
	clear(e.text[colObjResource:colReceived])
	e.text[colRaw], e.text[colUnknownFields] = nil, nil
	e.given = [numColumns]bool{}
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
	if cap(e.arena) > maxKeptArena {
		e.arena = nil
	}
	e.arena = e.arena[:0]
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
	n := sizeOf(e.text[:colUserAgent]) + sizeOf(e.text[colObjResource:colReceived]) + len(e.text[colUnknownFields]) + sizeOf(a.text[:])
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

// list returns the list of column c, or nil.
func (a *actor) list(c column) *texts {
	switch c {
	case colUserGroups:
		return &a.userGroups
	case colImpGroups:
		return &a.impGroups
	case colSourceIPs:
		return &a.sourceIPs
	default:
		return nil
	}
}

// multimap returns the map of which c is a leaf.
func (a *actor) multimap(c column) *multimap {
	if c == colUserExtraKey || c == colUserExtraValue {
		return &a.userExtra
	}
	return &a.impExtra
}

// multimap returns the map of which c is a leaf.
func (e *event) multimap(c column) *multimap {
	if c == colAnnotationKey || c == colAnnotationValue {
		return &e.notes.multimap
	}
	return e.actor.multimap(c)
}

// texts returns where the text columns are that c is one of.
func (e *event) texts(c column) [][]byte {
	if c >= colUserAgent && c < colSourceIPs {
		return e.actor.text[:]
	}
	return e.text[:]
}
