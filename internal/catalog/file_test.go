package catalog

import (
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// Group keeps together what is of one file, for very many of them.
func TestGroup(t *testing.T) {
	var all []Object
	const files = 100_000
	for day := range 2 {
		for n := range files {
			key := archive.Key{Kind: archive.KindData, Cluster: "c", Node: "n", Epoch: "e", Seq: int64(n*7919%files) + 1}
			all = append(all, Object{Key: key, Name: string(rune('a' + day))})
		}
	}
	got := Group(all)
	for i, f := range got {
		if f.Seq != int64(i+1) || len(f.Objects) != 2 || f.Objects[0].Name != "a" || f.Objects[1].Name != "b" {
			t.Fatalf("file %d is %+v", i, f)
		}
	}
	if len(got) != files {
		t.Errorf("%d files", len(got))
	}
}
