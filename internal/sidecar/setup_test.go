package sidecar

import (
	"maps"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/redact"
)

// Files that cannot be read are absent, which the log says once.
func TestSetup(t *testing.T) {
	dir := t.TempDir()
	policy, pod := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "pod.yaml")
	var out audittest.Log
	s := newSidecar(Config{Version: "v9", Log: zerolog.New(&out), Settings: config.Run{
		Proof: config.Proof{PolicyFile: policy, Manifest: pod}, Redact: config.Redact{Mode: config.RedactArchive},
	}})
	rules, err := redact.NewPolicy(redact.Config{})
	must(t, err)
	setup := setupOf(&s.Config, &redaction{policy: rules})
	for range 2 {
		got := setup()
		if got.Sidecar != "v9" || got.Policy != nil || got.Flags != nil || got.Redaction.SHA256 != rules.Hash() || got.Redaction.Text == "" {
			t.Errorf("nothing to read: %+v", got)
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("log: %s", &out)
	}
	put(t, policy, []byte("kind: Policy\n"))
	put(t, pod, []byte("spec:\n  containers:\n  - name: kube-apiserver\n    command: [kube-apiserver, --audit-log-maxage=30, --etcd-servers=x]\n"))
	got := setup()
	if got.Policy == nil || *got.Policy != *manifest.NewDocument([]byte("kind: Policy\n")) || !maps.Equal(got.Flags, map[string]string{"audit-log-maxage": "30"}) {
		t.Errorf("%+v, %+v", got.Policy, got.Flags)
	}
	s.Settings.Proof.PolicyFile = filepath.Join(dir, "pipe") // opening it would wait
	must(t, syscall.Mkfifo(s.Settings.Proof.PolicyFile, 0o600))
	if got := setup(); got.Policy != nil {
		t.Errorf("of a pipe: %+v", got.Policy)
	}
}
