package auditline

// Event is one audit event as fields. A nil slice is null; an empty slice that
// is not nil is the empty string.
//
// All slices are views into the line that was decoded or into arena; they are
// valid until the line is reused or Release is called.
type Event struct {
	text  [NumFields][]byte // by field, for scalar text fields that no part has
	ints  [NumFields]int64  // by field, for numbers and timestamps (µs since 1970)
	given [NumFields]bool   // whether ints holds a value
	// unknown is a JSON object of the members that have no field, or nil.
	Unknown []byte
	// Actor is, after [Decoder.Skim], the text from the members of the user to the end of the
	// userAgent, or more.
	Actor []byte

	userGroups, impGroups, sourceIPs List
	userExtra, impExtra, notes       Map

	arena []byte // unescaped strings; owned by the event until release
}

// List is a list of strings; Given distinguishes an empty list from null.
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
	e.text, e.given, e.Unknown, e.Actor = [NumFields][]byte{}, [NumFields]bool{}, nil, nil
	for _, l := range [...]*List{&e.userGroups, &e.impGroups, &e.sourceIPs} {
		l.reset()
	}
	for _, m := range [...]*Map{&e.userExtra, &e.impExtra, &e.notes} {
		m.reset()
	}
}

// Release gives up all unescaped strings: earlier results are no longer
// valid.
func (e *Event) Release() {
	e.arena = emptied(e.arena)
}

func (t *List) reset() { t.Given, t.Items = false, t.Items[:0] }

func (m *Map) reset() { *m = Map{Keys: m.Keys[:0], Values: m.Values[:0], Ends: m.Ends[:0]} }

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
	n := sizeOf(e.text[:]) + len(e.Unknown) + sizeOf(e.userGroups.Items) + sizeOf(e.impGroups.Items) + sizeOf(e.sourceIPs.Items)
	return n + e.userExtra.size() + e.impExtra.size() + e.notes.size()
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
func (e *Event) Text(f Field) []byte { return e.text[f] }

// SetText gives a field that is a string or JSON a text.
func (e *Event) SetText(f Field, v []byte) { e.text[f] = v }

// List returns a field that is a list.
func (e *Event) List(c Field) *List {
	switch c {
	case UserGroups:
		return &e.userGroups
	case ImpersonatedGroups:
		return &e.impGroups
	}
	return &e.sourceIPs
}

// Map returns the map that has the field as its keys or values. A map of
// strings has one value for each key.
func (e *Event) Map(c Field) *Map {
	switch c {
	case UserExtraKey, UserExtraValue:
		return &e.userExtra
	case ImpersonatedExtraKey, ImpersonatedExtraValue:
		return &e.impExtra
	}
	return &e.notes
}
