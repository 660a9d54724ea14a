package parquet

// tally counts lines by a value of which there are few.
type tally struct {
	values []string
	lines  []int64
}

const (
	// maxCounted bounds the distinct values that are counted, and
	// maxCountedLen the length of one.
	maxCounted    = 16
	maxCountedLen = 64
	// countedOther is where further values count.
	countedOther = "other"
)

func (t *tally) add(v []byte) {
	for i, known := range t.values {
		if known == string(v) {
			t.lines[i]++
			return
		}
	}
	name := countedOther
	if len(t.values) < maxCounted && len(v) <= maxCountedLen {
		name = string(v)
	} else if len(t.values) > maxCounted {
		t.lines[maxCounted]++
		return
	}
	t.values = append(t.values, name)
	t.lines = append(t.lines, 1)
}

// counts returns lines by value; a missing value counts under "".
func (t *tally) counts() map[string]int64 {
	m := map[string]int64{}
	for i, v := range t.values {
		m[v] += t.lines[i]
	}
	return m
}
