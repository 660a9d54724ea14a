package verify

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// flood is a bucket whose listings have n junk keys below data/, and others below each other
// folder; most is the most memory that was in use, in bytes, while a page was asked for.
type flood struct {
	n, others int
	most      atomic.Uint64
}

// name is the junk key with a number, in the order of the keys.
func (*flood) name(folder string, i int) string {
	id := fmt.Sprintf("%s-%08d", epochA, i+1)
	switch folder {
	case "manifests/":
		if i%16 == 0 {
			return fmt.Sprintf("manifests/cluster=c/node=n%08d/0001-000000000001-%s.json", i, id)
		}
		return fmt.Sprintf("manifests/cluster=c/node=n%08d/junk", i)
	case "data/":
		return fmt.Sprintf("data/cluster=c/dt=2026-11-22/2026-11-22T12-00-00.000-n%08d-%s.parquet", i, id)
	case "open/":
		return fmt.Sprintf("open/cluster=c/dt=2026-11-22/%012d-%012d-n-%s.parquet", i, i+1, id)
	case "rollups/parquet/":
		return fmt.Sprintf("rollups/parquet/cluster=c/node=n%08d/2026-11-22-0001.parquet", i)
	}
	return fmt.Sprintf("rollups/cluster=c/node=n%08d/junk", i)
}

func (f *flood) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !q.Has("list-type") {
		_, _ = io.WriteString(w, "no json")
		return
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.most.Store(max(f.most.Load(), m.HeapInuse))
	from := 0
	_, _ = fmt.Sscan(q.Get("continuation-token"), &from)
	var b strings.Builder
	n := f.others
	if q.Get("prefix") == "data/" {
		n = f.n
	}
	end := min(n, from+1000)
	for i := from; i < end; i++ {
		fmt.Fprintf(&b, "<Contents><Key>%s</Key><Size>7</Size><LastModified>2026-11-22T12:00:00Z</LastModified></Contents>", f.name(q.Get("prefix"), i))
	}
	fmt.Fprintf(w, "<ListBucketResult><IsTruncated>%v</IsTruncated><NextContinuationToken>%d</NextContinuationToken>%s</ListBucketResult>", end < n, end, b.String())
}

// Millions of foreign keys below every folder do not fill the memory, and are not OK.
func TestJunkFlood(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	f := &flood{n: 200_000, others: 200_000}
	if testing.Short() {
		f.n, f.others = 10_000, 2_000 // just more findings than are kept
	}
	server := httptest.NewServer(f)
	defer server.Close()
	b, err := archive.Open(t.Context(), "s3://bucket", archive.S3Config{Endpoint: server.URL, Region: "us-east-1", PathStyle: true})
	must(t, err)
	r, err := Run(t.Context(), b, Options{Now: noon})
	must(t, err)
	t.Logf("%d keys below data/: %d MiB, %d findings, %d omitted", f.n, f.most.Load()>>20, len(r.Findings), r.Omitted)
	if r.Clean || r.Omitted == 0 || len(r.Findings) != maxFindings {
		t.Errorf("clean: %v, %d findings, %d omitted", r.Clean, len(r.Findings), r.Omitted)
	}
	if most := f.most.Load(); most > 160<<20 {
		t.Errorf("%d MiB in use", most>>20)
	}
}
