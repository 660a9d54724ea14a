package verify

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// BenchmarkChainOnly reads and checks signed records on disk; goal: 5,000 of
// them a second and core.
func BenchmarkChainOnly(b *testing.B) {
	s := newSite(b, epochA)
	s.sign(1, 0)
	s.file(s.log(3))
	for range 3000 {
		s.heartbeat(0, nil)
	}
	before := audittest.CPUTime(b).Seconds()
	for b.Loop() {
		if r := s.verify(Options{ChainOnly: true, Keys: trusted(testKey(1))}); !r.Clean {
			b.Fatal(kinds(r))
		}
	}
	b.ReportMetric(float64(3002*b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(3002*b.N)/(audittest.CPUTime(b).Seconds()-before), "records/cpu-s")
}

// BenchmarkChainOnlyAt40ms reads signed records from a bucket that answers each request
// after 40 ms; goal: 1,000 of them a second with 64 requests in flight.
func BenchmarkChainOnlyAt40ms(b *testing.B) {
	s := newSite(b, epochA)
	s.sign(1, 0)
	s.file(s.log(3))
	for range 2998 {
		s.heartbeat(0, nil)
	}
	bucket := s.delayed(40 * time.Millisecond)
	for b.Loop() {
		r, err := Run(b.Context(), bucket, Options{ChainOnly: true, Keys: trusted(testKey(1)), Now: s.now})
		must(b, err)
		if !r.Clean {
			b.Fatal(kinds(r))
		}
	}
	b.ReportMetric(float64(3000*b.N)/b.Elapsed().Seconds(), "records/s")
}

// delayed serves the archive as a bucket whose answers take a time.
func (s *site) delayed(each time.Duration) *archive.Bucket {
	s.t.Helper()
	s.t.Setenv("AWS_ACCESS_KEY_ID", "x")
	s.t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	local := s.bucket()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(each)
		q := r.URL.Query()
		if !q.Has("list-type") {
			http.ServeFile(w, r, s.path(strings.TrimPrefix(r.URL.Path, "/bucket/")))
			return
		}
		var page strings.Builder
		n, last := 0, ""
		after := max(q.Get("start-after"), q.Get("continuation-token"))
		for info, err := range local.ListAfter(r.Context(), q.Get("prefix"), func(string) string { return after }) {
			if must(s.t, err); n == 1000 {
				break
			}
			n, last = n+1, info.Key
			fmt.Fprintf(&page, "<Contents><Key>%s</Key><Size>%d</Size></Contents>", info.Key, info.Size)
		}
		fmt.Fprintf(w, "<ListBucketResult><IsTruncated>%v</IsTruncated><NextContinuationToken>%s</NextContinuationToken>%s</ListBucketResult>", n == 1000, last, page.String())
	}))
	s.t.Cleanup(server.Close)
	bucket, err := archive.Open(s.t.Context(), "s3://bucket", archive.S3Config{Endpoint: server.URL, Region: "us-east-1", PathStyle: true})
	must(s.t, err)
	return bucket
}

// bigSite has one file of 100 MB.
func bigSite(b *testing.B) (s *site, log []byte) {
	s = newSite(b, epochA)
	log = bytes.Repeat(audittest.Corpus(b, "rotated.log"), 10)
	s.file(log)
	return s, log
}

// BenchmarkHashObjects reads local objects; goal: 1 GB a second and core.
func BenchmarkHashObjects(b *testing.B) {
	s := newSite(b, epochA)
	key := "data/cluster=prod/dt=2026-11-22/x.parquet"
	s.write(key, bytes.Repeat([]byte("0123456789abcdef"), 8<<20))
	b.SetBytes(128 << 20)
	before := audittest.CPUTime(b).Seconds()
	for b.Loop() {
		o, err := s.bucket().Open(b.Context(), key)
		must(b, err)
		if _, err := hashObject(o); err != nil {
			b.Fatal(err)
		}
		must(b, o.Close())
	}
	b.ReportMetric(float64(b.N)*(128<<20)/1e9/(audittest.CPUTime(b).Seconds()-before), "GB/cpu-s")
}

// BenchmarkDeep compares the CPU of restoring and hashing a file with that of
// its conversion and check; goal: at most 2.
func BenchmarkDeep(b *testing.B) {
	s, log := bigSite(b)
	before := audittest.CPUTime(b).Seconds()
	_, err := parquet.Convert(b.Context(), bytes.NewReader(log), int64(len(log)), parquet.Config{Dir: memoryDir(b), Root: true})
	must(b, err)
	convert := audittest.CPUTime(b).Seconds() - before
	before = audittest.CPUTime(b).Seconds()
	for b.Loop() {
		if r := s.verify(Options{Deep: true}); !r.Clean {
			b.Fatal(kinds(r))
		}
	}
	deep := (audittest.CPUTime(b).Seconds() - before) / float64(b.N)
	b.ReportMetric(deep*1e9/float64(len(log)), "cpu-s/GB")
	b.ReportMetric(convert*1e9/float64(len(log)), "convert-cpu-s/GB")
	b.ReportMetric(deep/convert, "deep/convert")
}

// BenchmarkSealing is the cost of the Merkle tree beside the shipper's other work on
// a file, conversion and check; goal: less than 10 %.
func BenchmarkSealing(b *testing.B) {
	log := bytes.Repeat(audittest.Corpus(b, "rotated.log"), 10)
	ship := func(root bool) float64 {
		dir := memoryDir(b)
		before := audittest.CPUTime(b).Seconds()
		result, err := parquet.Convert(b.Context(), bytes.NewReader(log), int64(len(log)), parquet.Config{Dir: dir, Root: root})
		must(b, err)
		must(b, parquet.Check(b.Context(), result))
		return audittest.CPUTime(b).Seconds() - before
	}
	ship(true) // warm
	var with, without float64
	for b.Loop() {
		without += ship(false)
		with += ship(true)
	}
	b.ReportMetric(with*1e9/float64(len(log))/float64(b.N), "sealed-cpu-s/GB")
	b.ReportMetric(100*(with/without-1), "%-more")
}
