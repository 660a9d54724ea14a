package parquet

// tally counts lines by a value of which there are few.
type tally map[string]*int64

const (
	// maxCounted bounds the distinct values that are counted, and
	// maxCountedLen the length of one.
	maxCounted    = 16
	maxCountedLen = 64
	// countedOther is where further values count.
	countedOther = "other"
)

func (t tally) add(v []byte) {
	n := t[string(v)]
	if n == nil {
		name := string(v)
		if len(t) >= maxCounted || len(v) > maxCountedLen {
			name = countedOther
		}
		if n = t[name]; n == nil {
			n = new(int64)
			t[name] = n
		}
	}
	*n++
}

// counts returns lines by value; a missing value counts under "".
func (t tally) counts() map[string]int64 {
	m := map[string]int64{}
	for v, n := range t {
		m[v] = *n
	}
	return m
}
