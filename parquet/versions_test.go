package parquet

import (
	"slices"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/audittest/factstest"
)

// The log of each supported version of kube-apiserver comes back, nearly all of it from columns, and has
// the fields of the newest one.
func TestI3_VersionsOfKubernetes(t *testing.T) {
	versions := audittest.Versions(t)
	want := factstest.Of(audittest.Corpus(t, audittest.VersionLog(versions[len(versions)-1])))
	if len(want) < 12 {
		t.Errorf("the requests have %d kinds", len(want))
	}
	for _, minor := range versions {
		t.Run(minor, func(t *testing.T) {
			log := audittest.Corpus(t, audittest.VersionLog(minor))
			res := roundTrip(t, log, defaultLimits())
			if res.Lines < 200 || res.RawLines*100 > res.Lines {
				t.Errorf("%d of %d lines are not in the known form", res.RawLines, res.Lines)
			}
			if got := factstest.Of(log); !slices.Equal(got, want) {
				t.Errorf("other fields:\n%q\nwant\n%q", got, want)
			}
		})
	}
}
