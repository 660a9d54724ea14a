package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// The stand-in lists and serves the objects of a directory, with their checksums.
func TestStandIn(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	dir := t.TempDir()
	key := "data/cluster=a&b/x.parquet"
	path := filepath.Join(dir, key)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := newStandIn(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	bucket, err := archive.Open(t.Context(), "s3://"+bucketName, archive.S3Config{Endpoint: s.URL, Region: "us-east-1", PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for info, err := range bucket.ListAfter(t.Context(), "data/", func(string) string { return "" }) {
		if err != nil || info.Key != key || info.Size != 7 {
			t.Errorf("%+v, %v", info, err)
		}
		found++
	}
	o, err := bucket.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil || found != 1 {
		t.Errorf("%d objects, %v", found, err)
	}
	if _, err := s.download(); err != nil {
		t.Error(err)
	}
}

// A figure is the median of the ratios of each round.
func TestRatio(t *testing.T) {
	b := &bench{runs: map[string][]run{}}
	for i, wall := range []time.Duration{8, 2, 30} {
		b.runs["a"] = append(b.runs["a"], run{wall: wall * time.Second})
		b.runs["b"] = append(b.runs["b"], run{wall: []time.Duration{4, 2, 5}[i] * time.Second})
	}
	if got := b.ratio("a", "b"); got != 2 {
		t.Errorf("%v; want 2", got)
	}
}
