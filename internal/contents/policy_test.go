package contents

import (
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// The newest settings of a node are found, and a note names a newer record that cannot be read, as it may
// have others.
func TestSetups(t *testing.T) {
	for _, test := range []struct {
		name    string
		damaged int // of three records, the second with settings; 0: none
		version string
		note    string
	}{
		{name: "all can be read", version: "v1"},
		{name: "an older record is damaged", damaged: 1, version: "v1"},
		{name: "a newer record is damaged", damaged: 3, version: "v1", note: "00000003.json is no record that can be read"},
		{name: "the settings are damaged", damaged: 2, note: "none of its newest 3 records has the settings"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			m := &member{node: "cp1"}
			for n := 1; n <= 3; n++ {
				r := manifest.Record{Kind: manifest.KindHeartbeat, Heartbeat: &manifest.Heartbeat{Every: 60}}
				if n == 2 {
					r = manifest.Record{Kind: manifest.KindSetup, Begins: &manifest.Begins{Reason: manifest.BeginNew}, Setup: &manifest.Setup{Sidecar: "v1"}}
				}
				key, data, _ := m.record(t, r, began)
				if n == test.damaged {
					data = []byte("{}\n")
				}
				s.write(key, data)
			}
			var notes []string
			found, err := Setups(t.Context(), s.bucket, Options{Note: func(text string) { notes = append(notes, text) }}, false, func(archive.Key) bool { return true })
			must(t, err)
			if got := found["prod/cp1"]; test.version == "" && got.Setup != nil || test.version != "" && (got.Setup == nil || got.Sidecar != test.version) {
				t.Errorf("settings %+v, want those of %q", got.Setup, test.version)
			}
			if got := strings.Join(notes, "\n"); !strings.Contains(got, test.note) || test.note == "" && got != "" {
				t.Errorf("notes %q, want %q", got, test.note)
			}
		})
	}
}
