package records

import (
	"bytes"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// An object that Decode refuses is not a record. The others can still be read.
func TestUnusable(t *testing.T) {
	good, err := manifest.Encode(manifest.Record{
		Version: manifest.Version, Kind: manifest.KindGap, Identity: manifest.Identity{Cluster: "c", Node: "n", Epoch: "20260102T030405a1b2c3"}, Seq: 1, Number: 1, Checkpoint: "auditsidecar/c/n\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
		Time: manifest.At(time.Unix(1, 0)), Gaps: []manifest.Gap{{Reason: continuity.ReasonPruned}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"cut":   good[:len(good)/2],
		"newer": bytes.Replace(good, []byte(`"version":1`), []byte(`"version":2`), 1),
		"space": bytes.Replace(good, []byte(`:`), []byte(`: `), 1),
	} {
		if _, err := manifest.Decode(data); !Unusable(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
