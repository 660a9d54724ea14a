package cli

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/sidecar"
	"github.com/auditsidecar/auditsidecar/manifests"
)

func TestPolicyPrint(t *testing.T) {
	out := ok(t, "policy", "print").stdout
	same(t, "the policy", []byte(out), manifests.AuditPolicy())
	path := put(t, filepath.Join(t.TempDir(), "policy.yaml"), []byte(out))
	if out := ok(t, "policy", "lint", path).stdout; out != path+": nothing found\n" {
		t.Errorf("lint of it: %q", out)
	}
}

func TestPolicyLint(t *testing.T) {
	path := put(t, filepath.Join(t.TempDir(), "policy.yaml"), []byte(`apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: Metadata
- level: RequestResponse
  resources: [{group: "", resources: [secrets]}]
`))
	r := call(t, "policy", "lint", path)
	if want := path + ":7: warning: rule 2: never applies"; r.code != exitFindings || !strings.Contains(r.stdout, want) {
		t.Errorf("exit %d, no %q in\n%s", r.code, want, r.stdout)
	}
	r = call(t, "policy", "lint", "-o", "json", path)
	var files []lintedFile
	must(t, json.Unmarshal([]byte(r.stdout), &files))
	if r.code != exitFindings || len(files) != 1 || files[0].File != path {
		t.Fatalf("exit %d: %+v", r.code, files)
	}
	for _, f := range files[0].Findings {
		if f.ID == "dead-rule" && f.Line == 7 && f.Rule == 2 {
			return
		}
	}
	t.Errorf("no dead rule in %+v", files[0].Findings)
}

func TestPolicyUsage(t *testing.T) {
	call(t, "policy", "lint").refused(t, exitUsage, "at least 1", "FILE")
	call(t, "policy", "lint", "-o", "xml", "x.yaml").refused(t, exitUsage, "xml", "json")
	call(t, "policy", "frob").refused(t, exitUsage, `"frob"`)
	call(t, "policy", "print", "x").refused(t, exitUsage, "x")
	call(t, "policy", "lint", filepath.Join(t.TempDir(), "none.yaml")).refused(t, exitFailed, "none.yaml")
}

// The shipped configuration file is one that run takes.
func TestShippedConfigIsValid(t *testing.T) {
	var settings config.Run
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	settings.Register(flags)
	flags.String(config.FileFlag, "../../manifests/config.yaml", "")
	_, err := config.Fill(flags, nil)
	must(t, err)
	must(t, settings.Validate())
	key := filepath.Join(t.TempDir(), "signing.key") // as the install makes it on the node
	call(t, "keygen", "--cluster", settings.Identity.Cluster, "--node", "cp-1", "--out", key)
	settings.Proof.SigningKeyFile, settings.Identity.Node = key, "cp-1"
	must(t, sidecar.Validate(t.Context(), &settings))
	if settings.Identity.Cluster != "production" || settings.Loki.URL == "" {
		t.Errorf("settings %+v", settings)
	}
}
