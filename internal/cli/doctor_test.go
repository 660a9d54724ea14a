package cli

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/doctor"
)

func TestDoctor(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "audit/audit.log"), nil)
	file := put(t, filepath.Join(dir, "config.yaml"), []byte("audit-log-path: "+filepath.Join(dir, "audit/audit.log")+
		"\narchive-url: file://"+filepath.Join(dir, "archive")+"\ncluster: c\nnode: n\nloki-url: http://loki.logs.svc:3100\n"))
	r := call(t, "doctor", "--config", file, "--manifest", filepath.Join(dir, "none.yaml"))
	if r.code != exitFindings {
		t.Errorf("exit %d: %v", r.code, r.err)
	}
	for _, want := range []string{"error    manifest", "error    loki", "ok       archive", "-> give an address that the node resolves", "error: 2"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q in\n%s", want, r.stdout)
		}
	}
	r = call(t, "doctor", "--config", file, "--manifest", "", "-o", "json")
	var results []doctor.Result
	must(t, json.Unmarshal([]byte(r.stdout), &results))
	if doctor.Bad(results) != (r.code == exitFindings) || len(results) < 8 {
		t.Errorf("exit %d with %+v", r.code, results)
	}
	// The object that was stored is no part of the archive's log.
	if got := files(t, filepath.Join(dir, "archive")); len(got) != 1 || got[0] != "doctor/cluster=c/node=n/probe.txt" {
		t.Errorf("the archive has %q", got)
	}
}

func TestDoctorUsage(t *testing.T) {
	call(t, "doctor", "-o", "xml").refused(t, exitUsage, "--cluster is required", "--archive-url is required", "--audit-log-path is required", `"xml"`)
	call(t, "doctor", "x").refused(t, exitUsage, "x")
}

// The clock is compared with the endpoint of the region's partition.
func TestArchiveProbe(t *testing.T) {
	for want, a := range map[string]config.Archive{
		"":                       {URL: "file:///srv"},
		"https://s3.example.com": {URL: "s3://b/p", S3Config: archive.S3Config{Endpoint: "https://s3.example.com", Region: "x"}},
		"https://s3.us-gov-west-1.amazonaws.com/": {URL: "s3://b/p", S3Config: archive.S3Config{Region: "us-gov-west-1"}},
		"https://s3.cn-north-1.amazonaws.com.cn/": {URL: "s3://b/p", S3Config: archive.S3Config{Region: "cn-north-1"}},
	} {
		if got := archiveProbe(a); got != want {
			t.Errorf("%+v: %q, want %q", a, got, want)
		}
	}
}
