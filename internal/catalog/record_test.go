package catalog

import (
	"bytes"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

func TestCounting(t *testing.T) {
	damaged, good, followed := Copy{}, Copy{Readable: true}, Copy{Readable: true, Followed: true}
	for name, test := range map[string]struct {
		copies []Copy
		want   int
	}{
		"none":                           {copies: nil, want: -1},
		"one":                            {copies: []Copy{good}, want: 0},
		"none can be read":               {copies: []Copy{damaged, {Followed: true}}, want: -1},
		"the last that can be read":      {copies: []Copy{good, good, damaged}, want: 1},
		"the first was damaged":          {copies: []Copy{damaged, good}, want: 1},
		"a record follows the first":     {copies: []Copy{followed, good}, want: 0},
		"a record follows the last":      {copies: []Copy{good, followed}, want: 1},
		"records follow two: the last":   {copies: []Copy{followed, followed, good}, want: 1},
		"a damaged one between two good": {copies: []Copy{followed, damaged, good}, want: 0},
	} {
		if got := Counting(test.copies); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// An object that Decode refuses is not a record. The others can still be read.
func TestUnusable(t *testing.T) {
	good, err := manifest.Encode(manifest.Record{
		Version: manifest.Version, Kind: manifest.KindGap, Identity: manifest.Identity{Cluster: "c", Node: "n", Epoch: epochA}, Seq: 1,
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
