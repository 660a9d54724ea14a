package archive

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for _, tt := range []struct {
		url  string
		want location
	}{
		{"file:///var/lib/archive", location{dir: "/var/lib/archive"}},
		{"file:///var/lib/archive/", location{dir: "/var/lib/archive"}},
		{"/var/lib/archive", location{dir: "/var/lib/archive"}},
		{"file://localhost/a", location{dir: "/a"}},
		{"file:///a/../b%20c", location{dir: "/b c"}},
		{"s3://bucket", location{bucket: "bucket"}},
		{"s3://bucket/", location{bucket: "bucket"}},
		{"s3://my.bucket-1/a/b=c/", location{bucket: "my.bucket-1", prefix: "a/b=c"}},
	} {
		got, err := parseURL(tt.url, S3Config{})
		if err != nil || got != tt.want {
			t.Errorf("parseURL(%s) = %+v, %v, want %+v", tt.url, got, err, tt.want)
		}
	}
}

func TestParseURLMistakes(t *testing.T) {
	for _, tt := range []struct {
		url  string
		cfg  S3Config
		want []string // all of them in one error
	}{
		{"", S3Config{}, []string{"no scheme", "s3://bucket/prefix"}},
		{"/", S3Config{}, []string{"names no directory"}},
		{"bucket/prefix", S3Config{}, []string{"no scheme"}},
		{"gs://b/x", S3Config{}, []string{`unknown scheme "gs"`}},
		{"https://s3.amazonaws.com/b", S3Config{}, []string{`unknown scheme "https"`}},
		{"file://archive/x", S3Config{}, []string{"relative", "file:///archive/x"}},
		{"file:archive", S3Config{}, []string{"relative", "file:///archive"}},
		{"file:///", S3Config{}, []string{"names no directory"}},
		{"file:///a/..", S3Config{}, []string{"names no directory"}},
		{"file://a?x=1", S3Config{Region: "r"}, []string{"relative", "no meaning for a directory", "'?'"}},
		{"s3://", S3Config{}, []string{"names no bucket"}},
		{"s3:///prefix", S3Config{}, []string{"names no bucket"}},
		{"s3:bucket", S3Config{}, []string{"names no bucket"}},
		{"s3://minio:9000/bucket", S3Config{}, []string{"--s3-endpoint"}},
		{"s3://a/x", S3Config{}, []string{"cannot be a bucket"}},
		{"s3://bucket/a//b", S3Config{}, []string{"prefix"}},
		{"s3://bucket/../b", S3Config{}, []string{"prefix"}},
		{"s3://key:geheim@bucket/x?region=r#f", S3Config{Endpoint: "localhost:9000"},
			[]string{"credentials do not belong", "'?'", "https://host:port"}},
		{"s3://bucket", S3Config{Endpoint: "https://"}, []string{"--s3-endpoint"}},
		{"s3://buck et:geheim", S3Config{}, []string{"not a URL"}},
	} {
		_, err := parseURL(tt.url, tt.cfg)
		if err == nil {
			t.Errorf("parseURL(%q) succeeded", tt.url)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("parseURL(%q): %q does not say %q", tt.url, err, want)
			}
		}
		if strings.Contains(err.Error(), "geheim") {
			t.Errorf("parseURL(%q) shows a secret: %v", tt.url, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"file:///a", "s3://bucket/p", "file:///%2e%2e/a", "s3://bucket/%2e%2e", "s3://u:p@h:1/?q#f"} {
		f.Add(s, "https://h")
	}
	f.Fuzz(func(t *testing.T, rawURL, endpoint string) {
		loc, err := parseURL(rawURL, S3Config{Endpoint: endpoint})
		if err != nil {
			return
		}
		if (loc.dir == "") == (loc.bucket == "") {
			t.Errorf("parseURL(%q) = %+v: neither or both", rawURL, loc)
		}
		if loc.dir != "" && (!filepath.IsAbs(loc.dir) || filepath.Clean(loc.dir) != loc.dir) {
			t.Errorf("parseURL(%q) = %+v: not a clean path", rawURL, loc)
		}
		if loc.prefix != "" && checkKey(loc.prefix) != nil {
			t.Errorf("parseURL(%q) = %+v: prefix cannot be stored", rawURL, loc)
		}
	})
}

func FuzzKeyStaysInside(f *testing.F) {
	f.Add("a/b")
	f.Add("../x")
	f.Add("a/../../x")
	f.Fuzz(func(t *testing.T, key string) {
		if checkKey(key) != nil {
			return
		}
		d := &dirStore{root: "/root/archive"}
		if got := d.path(key); got != "/root/archive/"+key {
			t.Errorf("key %q is file %q", key, got)
		}
	})
}
