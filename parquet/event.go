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
// All slices are views into the line that was decoded or into arena, and are
// valid until the line is reused or release is called.
type event struct {
	text  [numColumns][]byte // by column, for scalar text columns
	ints  [numColumns]int64  // by column, for numbers and timestamps (µs since 1970)
	given [numColumns]bool   // whether ints holds a value

	userGroups, impGroups, sourceIPs texts
	userExtra, impExtra              multimap
	annotations                      multimap // one value for each key

	arena []byte // unescaped strings; owned by the event until release
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
	e.text = [numColumns][]byte{}
	e.given = [numColumns]bool{}
	e.userGroups.reset()
	e.impGroups.reset()
	e.sourceIPs.reset()
	e.userExtra.reset()
	e.impExtra.reset()
	e.annotations.reset()
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

// column returns the list of column c, or nil.
func (e *event) list(c column) *texts {
	switch c {
	case colUserGroups:
		return &e.userGroups
	case colImpGroups:
		return &e.impGroups
	case colSourceIPs:
		return &e.sourceIPs
	default:
		return nil
	}
}

// multimap returns the map of which c is a leaf, or nil.
func (e *event) multimap(c column) *multimap {
	switch c {
	case colUserExtraKey, colUserExtraValue:
		return &e.userExtra
	case colImpExtraKey, colImpExtraValue:
		return &e.impExtra
	case colAnnotationKey, colAnnotationValue:
		return &e.annotations
	default:
		return nil
	}
}
