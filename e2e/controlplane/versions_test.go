//go:build e2e && versions

package controlplane

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/controlplane/cluster"
	"github.com/auditsidecar/auditsidecar/e2e/controlplane/traffic"
	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/audittest/factstest"
	"github.com/auditsidecar/auditsidecar/manifests"
)

// newest is the version that all other suites run.
const newest = "v1.37"

// versionRounds is how often the traffic is made: about 13 requests each.
const versionRounds = 24

// TestVersions has each supported kube-apiserver write a log of the same requests under the shipped policy: nearly every line
// is in the form that is known, every byte comes back, and the fields that labels, metadata and alerts are made of are the
// same. With -update the logs become those that the unit tests read.
func TestVersions(t *testing.T) {
	reference := versionLog(t, newest, cluster.KubeAPIServer(t))
	want := factstest.Of(reference)
	for _, minor := range cluster.Older(t) {
		t.Run(minor, func(t *testing.T) {
			got := factstest.Of(versionLog(t, minor, cluster.OlderAPIServer(t, minor)))
			if missing, more := without(want, got), without(got, want); len(missing)+len(more) > 0 {
				t.Errorf("%s lacks\n%s\nof %s, and has beside it\n%s", minor, strings.Join(missing, "\n"), newest, strings.Join(more, "\n"))
			}
		})
	}
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

// versionLog runs a kube-apiserver, checks its log and returns the lines of the traffic.
func versionLog(t *testing.T, minor, binary string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary, "--version").Output()
	if err != nil || !strings.HasPrefix(string(out), "Kubernetes "+minor+".") {
		t.Fatalf("%s says that it is %q, %v", binary, out, err)
	}
	dir := t.TempDir()
	api, err := cluster.New(cluster.Config{
		Binary: binary, EtcdURL: etcd(t), Prefix: "/versions-" + minor, Dir: dir, AuditDir: filepath.Join(dir, "audit"), Policy: manifests.AuditPolicy(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Kill)
	if err := api.Start(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, api.Log())
	}
	admin, err := api.Client("")
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := api.Client("e2e-nobody")
	if err != nil {
		t.Fatal(err)
	}
	traffic.Make(t.Context(), traffic.Clients{Admin: admin, Nobody: nobody}, "run", 1, versionRounds)
	if err := api.Terminate(); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(api.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	checkVersionLog(t, minor, log, api.AuditLog())
	var made []byte
	for line := range bytes.Lines(log) {
		if bytes.Contains(line, []byte(`"userAgent":"`+audittest.TrafficAgent+`"`)) {
			made = append(made, line...)
		}
	}
	if *update {
		keepVersionLog(t, minor, made)
	}
	return made
}

// checkVersionLog counts the lines in the known form, and has the binary convert and restore the log.
func checkVersionLog(t *testing.T, minor string, log []byte, path string) {
	t.Helper()
	var d auditline.Decoder
	var e auditline.Event
	var b auditline.Rebuilder
	lines, canonical, unknown := 0, 0, 0
	for line := range audittest.Lines(log) {
		e.Release()
		lines++
		if what, _ := d.Line(line, &e); what == auditline.Canonical && b.Proves(line, &e) {
			canonical++
		}
		if e.Unknown != nil {
			unknown++
		}
	}
	t.Logf("%s: %d lines, %d in the known form, %d of them with unknown fields", minor, lines, canonical, unknown)
	if lines < 10*versionRounds || canonical*100 < lines*99 {
		t.Errorf("%s: %d of %d lines are in the known form", minor, canonical, lines)
	}
	object := filepath.Join(t.TempDir(), "o.parquet")
	r := &fixture{t: t}
	if v := r.verb("convert", path, "--out", object); v.Code != 0 {
		t.Fatalf("%s: convert: exit %d\n%s", minor, v.Code, v.Stderr)
	}
	if v := r.verb("restore", object); v.Code != 0 || !bytes.Equal(v.Stdout, log) {
		t.Errorf("%s: restore: exit %d, other bytes from %d on\n%s", minor, v.Code, audittest.FirstDifference(v.Stdout, log), v.Stderr)
	}
}

// keepVersionLog writes the log that the unit tests read.
func keepVersionLog(t *testing.T, minor string, log []byte) {
	t.Helper()
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(builds.Repository(t), "internal/audittest/testdata", audittest.VersionLog(minor)+".zst")
	if err := os.WriteFile(path, encoder.EncodeAll(log, nil), 0o600); err != nil {
		t.Fatal(err)
	}
}
