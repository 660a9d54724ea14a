package sidecar

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/shipper"
)

// TestI10_ChangedWorkFileIsNotSent: a work file that is not the one in the ledger
// reaches no store.
func TestI10_ChangedWorkFileIsNotSent(t *testing.T) {
	whole := bytes.Repeat([]byte("x"), 100_000)
	sum := sha256.Sum256(whole)
	flipped := bytes.Clone(whole)
	flipped[70_000] ^= 1
	for _, c := range []struct {
		name string
		have []byte // nil: no file
		gone bool
	}{
		{name: "whole", have: whole},
		{name: "one bit flipped", have: flipped, gone: true},
		{name: "cut", have: whole[:1], gone: true},
		{name: "longer", have: append(bytes.Clone(whole), 'x'), gone: true},
		{name: "deleted", gone: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, file := t.TempDir(), filepath.Join(t.TempDir(), "work")
			if c.have != nil {
				put(t, file, c.have)
			}
			objects := &store{bucket: dirBucket(t, dir), success: prometheus.NewGauge(prometheus.GaugeOpts{Name: "x"}), alive: func() {}}
			err := objects.Put(t.Context(), "data/x", file, int64(len(whole)), hex.EncodeToString(sum[:]))
			if errors.Is(err, shipper.ErrWorkGone) != c.gone || !c.gone && err != nil {
				t.Errorf("error %v", err)
			}
			if _, err := os.Stat(filepath.Join(dir, "data/x")); (err == nil) == c.gone {
				t.Errorf("the object: %v", err)
			}
		})
	}
}

// The first record, and nothing else, is sent twice: a store that takes it again is warned about.
func TestStoreThatReplaces(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	for _, replaces := range []bool{true, false} {
		puts := map[string]int{}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			switch {
			case r.Method != http.MethodPut:
				_, _ = w.Write([]byte("same"))
			case puts[r.URL.Path] > 0 && !replaces:
				w.WriteHeader(http.StatusPreconditionFailed)
			}
			if r.Method == http.MethodPut && string(body) == "same" {
				puts[r.URL.Path]++
			}
		}))
		defer server.Close()
		bucket, err := archive.Open(t.Context(), "s3://bucket", archive.S3Config{Endpoint: server.URL, PathStyle: true, Region: "us-east-1"})
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		objects := &store{bucket: bucket, log: zerolog.New(&log), success: prometheus.NewGauge(prometheus.GaugeOpts{Name: "x"}), alive: func() {}}
		file := filepath.Join(t.TempDir(), "work")
		put(t, file, []byte("same"))
		sum := sha256.Sum256([]byte("same"))
		record := func(n int64) string { return archive.RecordKey("c", "n", 1, n, "20260101T000000aaaaaa", n) }
		for _, key := range []string{"data/x", record(1), record(2)} {
			if err := objects.Put(t.Context(), key, file, 4, hex.EncodeToString(sum[:])); err != nil {
				t.Fatal(err)
			}
		}
		if want := map[string]int{"/bucket/data/x": 1, "/bucket/" + record(1): 2, "/bucket/" + record(2): 1}; !maps.Equal(puts, want) {
			t.Errorf("%v, want %v", puts, want)
		}
		if warned := strings.Contains(log.String(), "ignores If-None-Match"); warned != replaces {
			t.Errorf("replaces %v: %q", replaces, log.String())
		}
	}
}
