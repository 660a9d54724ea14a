package shipper

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// sealing is a log of about size bytes, with the makers of its objects and its record.
type sealing struct {
	t     testing.TB
	log   []byte
	chain *manifest.Chain
	seq   int64
}

func newSealing(t testing.TB, size int) *sealing {
	t.Helper()
	chain, err := manifest.Open(durable.OS(), t.TempDir(), manifest.Identity{Cluster: "c", Node: "n", Epoch: "20261120T060000a1b2c3"},
		manifest.Begins{Reason: manifest.BeginNew}, manifest.Head{Tree: 1})
	must(t, err)
	chain.SignWith(signingKey(t, nil))
	corpus := audittest.Corpus(t, "rotated.log")
	return &sealing{t: t, log: slices.Repeat(corpus, (size+len(corpus)-1)/len(corpus)), chain: chain}
}

func (s *sealing) convert() {
	result, err := parquet.Convert(s.t.Context(), bytes.NewReader(s.log), int64(len(s.log)), parquet.Config{Dir: s.t.TempDir(), Root: true})
	if err != nil || len(result.Objects) == 0 {
		s.t.Fatalf("%d objects, %v", len(result.Objects), err)
	}
}

// seal makes and signs the record of the file, makes it durable, keeps its leaf and removes
// it, as flush does beside the upload.
func (s *sealing) seal() {
	s.seq++
	sum := fmt.Sprintf("%064x", s.seq)
	at := manifest.At(time.Unix(1_700_000_000+s.seq, 0))
	sealed, err := s.chain.Seal(manifest.Record{
		Kind: manifest.KindFile, Seq: s.seq, Time: at,
		Source: &manifest.Source{Name: "audit-2026-11-22T17-30-00.000.log", Size: int64(len(s.log)), Lines: 100_000, SHA256: sum, MerkleRoot: sum, First: at, Last: at, Rotated: at},
		Counts: manifest.Counts{Levels: map[string]int64{"Metadata": 100_000}, Stages: map[string]int64{"ResponseComplete": 100_000}},
		Objects: []manifest.Object{{
			Key:  fmt.Sprintf("data/cluster=c/dt=2026-11-22/2026-11-22T17-30-00.000-n-20261120T060000a1b2c3-%08d.parquet", s.seq),
			Size: 1 << 20, SHA256: sum, Rows: 100_000,
		}},
	})
	must(s.t, err)
	must(s.t, s.chain.Keep(sealed))
	must(s.t, s.chain.Remove(sealed))
}

// A record, with its signature and its leaf, costs less than a tenth of the conversion of a
// small file.
func TestSealingIsCheap(t *testing.T) {
	s := newSealing(t, 10<<20)
	audittest.CheckCost(t, 0.10, s.convert, func() {
		for range 5 {
			s.seal()
		}
	})
}

// BenchmarkSealing prints the time of a record as a share of the conversion in the same run.
func BenchmarkSealing(b *testing.B) {
	for _, size := range []int{20, 100} {
		b.Run(fmt.Sprintf("%dMiB", size), func(b *testing.B) {
			s := newSealing(b, size<<20)
			var converting, sealing time.Duration
			for b.Loop() {
				began := time.Now()
				s.convert()
				converted := time.Now()
				s.seal()
				converting, sealing = converting+converted.Sub(began), sealing+time.Since(converted)
			}
			b.ReportMetric(float64(sealing.Microseconds())/float64(b.N), "µs/record")
			b.ReportMetric(float64(converting.Milliseconds())/float64(b.N), "ms/conversion")
			b.ReportMetric(100*float64(sealing)/float64(converting), "%")
		})
	}
}
