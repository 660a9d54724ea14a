package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// A table in the archive, or around it, is refused.
func TestOutside(t *testing.T) {
	s := newSite(t)
	must(t, os.Symlink(s.archive(), filepath.Join(s.dir, "link")))
	bucket, err := archive.Open(t.Context(), "s3://bucket/prefix", archive.S3Config{Region: "eu-central-1"})
	must(t, err)
	s3 := &committer{bucket: bucket}
	local := &committer{bucket: s.committer().bucket}
	for _, c := range []struct {
		on       *committer
		location string
		ok       bool
	}{
		{local, s.warehouse(), true},
		{local, "file://" + s.archive() + "-2", true},
		{local, s.archive(), false},
		{local, "file://" + s.archive() + "/iceberg", false},
		{local, s.dir, false},
		{local, "/", false},
		{local, s.dir + "/link/iceberg", false},
		{local, s.dir + "/x/../archive/iceberg", false},
		{local, "s3://bucket/x", true},
		{local, "hdfs://x/y", false},
		{s3, "s3://bucket/prefix-2", true},
		{s3, "s3://other/prefix", true},
		{s3, "s3://bucket", false},
		{s3, "s3a://bucket/prefix/iceberg", false},
		{s3, "s3://bucket/prefix/", false},
		{s3, "s3://bucket/prefix?x=y", false},
	} {
		if err := c.on.outside("--table-location", c.location); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.location, err)
		}
	}
}

// Mistakes are reported together, with exit code 2.
func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		want []string
	}{
		{"--catalog hive --table Audit --keep -1", []string{"0 arguments", "--catalog", "--table", "--keep"}},
		{"/a --catalog sql --keep 1 --expire-before 2026-01-01", []string{"give one of them"}},
		{"/a --catalog sql --expire-before yesterday", []string{"--expire-before"}},
		{"/a --catalog sql --catalog-property uri", []string{"expected KEY=VALUE"}},
		{"/a --catalog sql --catalog-property sql.driver=sqlite --catalog-property sql.dialect=sqlite --table-location /a/b", []string{"outside of the archive"}},
	} {
		var out, report strings.Builder
		code := start(strings.Fields(c.args), &out, &report, nil)
		for _, want := range c.want {
			if code == exitOK || !strings.Contains(report.String(), want) {
				t.Errorf("%s: exit %d, %q, want %q", c.args, code, report.String(), want)
			}
		}
	}
}

func FuzzParsePosition(f *testing.F) {
	f.Add("0001-000000000777-2026-11-22")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePosition(text)
		if err == nil && p.String() != text {
			if q, err := parsePosition(p.String()); err != nil || q != p {
				t.Errorf("%q is %+v, then %+v, %v", text, p, q, err)
			}
		}
	})
}
