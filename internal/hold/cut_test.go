package hold

import (
	"os"
	"strings"
	"testing"
)

// A file that was cut behind its first KiB and has grown to more than it had is another file.
func TestI10_CutAndRegrown(t *testing.T) {
	text := strings.Repeat("a line that was seen\n", 200)
	for name, down := range map[string]bool{"running": false, "down": true} {
		t.Run(name, func(t *testing.T) {
			h := newFixture(t)
			h.write(text)
			h.mustStart()
			h.sync()
			if down { // the end counts that was seen last
				h.write(text)
				h.sync()
				h.hold.Close()
			}
			if err := os.Truncate(h.log.Path(), int64(len(text))-1000); err != nil {
				t.Fatal(err)
			}
			h.write(strings.Repeat("a line that came later\n", 900))
			if down {
				h.mustStart()
			}
			h.sync()
			h.sync()
			h.wantGaps("truncated audit.log")
		})
	}
}
