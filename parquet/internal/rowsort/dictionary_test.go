package rowsort

import (
	"fmt"
	"testing"
)

func TestDictionaryNumbersValues(t *testing.T) {
	d := NewDictionary(true)
	for range 2 {
		for i := range 5000 {
			if got := d.Number(fmt.Appendf(nil, "v%d", i%3000)); int(got) != i%3000 {
				t.Fatalf("value %d has number %d", i%3000, got)
			}
		}
		if d.Len() != 3000 || string(d.Value(2999)) != "v2999" {
			t.Fatalf("%d values, the last %q", d.Len(), d.Value(2999))
		}
		d.Reset()
	}
}
