package detect_test

import (
	"strings"
	"testing"
)

// Windows overlap, so a window is named by its row of half too: without it an event counts
// twice wherever a window of one row has the number of one of the other.
func TestOverlappingWindowsAreApart(t *testing.T) {
	windows := 0
	for _, d := range source(t).All() {
		statement := d.Statement(nil)
		if !strings.Contains(statement, "AS half(n)") {
			continue
		}
		windows++
		if _, groups, _ := strings.Cut(statement, "GROUP BY "); !strings.Contains(groups, ", half.n, floor(") {
			t.Errorf("%s: %.200s", d.Alert, groups)
		}
	}
	if windows == 0 {
		t.Error("no detection counts in windows")
	}
}
