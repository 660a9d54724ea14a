package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/verify"
)

func TestKeygen(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "a.key"), filepath.Join(dir, "b.key")
	name := manifest.KeyName("prod", "cp1")
	keygen := func(args ...string) []string {
		return append([]string{"keygen", "--cluster", "prod", "--node", "cp1"}, args...)
	}
	var vkeys []string
	for _, args := range [][]string{{"--out", first}, {"--out", second, "--replaces", first}} {
		out, err := runVerb(t, keygen(args...)...)
		if err != nil {
			t.Fatal(err)
		}
		private, err := os.ReadFile(args[1])
		if err != nil {
			t.Fatal(err)
		}
		if secret, _, _ := strings.Cut(string(private), "\n"); strings.Contains(out, secret[len(secret)-20:]) {
			t.Error("the private key was printed")
		}
		if info, err := os.Stat(args[1]); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the private key's mode is %v, %v", info.Mode(), err)
		}
		vkeys = append(vkeys, strings.TrimSpace(out))
	}
	old, err := manifest.ReadSigningKey(first, name)
	if err != nil {
		t.Fatal(err)
	}
	next, err := manifest.ReadSigningKey(second, name)
	if err != nil {
		t.Fatal(err)
	}
	if old.Handover != nil || !next.Record().HandedOverBy(old.Vkey) || old.Vkey != vkeys[0] || next.Vkey != vkeys[1] {
		t.Errorf("the keys %q: the new one has not the consent of the old one", vkeys)
	}
	public, err := verify.ReadTrustedKeys(second + ".vkey")
	if err != nil || len(public) != 1 || public[0].Vkey != next.Vkey {
		t.Errorf("the public key is %v, %v", public, err)
	}
	if all, err := verify.ReadTrustedKeys(dir); err != nil || len(all) != 2 {
		t.Errorf("the public keys of the directory are %v, %v", all, err)
	}
	if _, err := runVerb(t, "keygen", "--cluster", "prod", "--node", "cp2", "--out", filepath.Join(dir, "c.key"), "--replaces", first); err == nil || !strings.Contains(err.Error(), "only its own node") {
		t.Errorf("the key of another node was replaced: %v", err)
	}
	before, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runVerb(t, keygen("--out", first)...); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("a key was made over another: %v", err)
	}
	if after, _ := os.ReadFile(first); string(after) != string(before) {
		t.Error("the old key was changed")
	}
	if err := os.Remove(first); err != nil {
		t.Fatal(err)
	}
	if _, err := runVerb(t, keygen("--out", first)...); err == nil {
		t.Error("a public key was replaced")
	}
}
