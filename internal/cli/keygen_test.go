package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

func TestKeygen(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "a.key"), filepath.Join(dir, "b.key")
	for _, args := range [][]string{{"keygen", "-o", first}, {"keygen", "-o", second, "--replaces", first}} {
		out, err := runVerb(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		private, err := os.ReadFile(args[2])
		if err != nil {
			t.Fatal(err)
		}
		if secret := strings.Split(string(private), "\n")[1]; strings.Contains(out, secret) {
			t.Error("the private key was printed")
		}
		if info, err := os.Stat(args[2]); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the private key's mode is %v, %v", info.Mode(), err)
		}
	}
	old, err := manifest.ReadSigningKey(first)
	if err != nil {
		t.Fatal(err)
	}
	next, err := manifest.ReadSigningKey(second)
	if err != nil {
		t.Fatal(err)
	}
	if old.Endorsement != nil || !next.Record().EndorsedBy(old.Public()) {
		t.Error("the new key has not the consent of the old one")
	}
	public, err := manifest.ReadPublicKeys(second + ".pub")
	if err != nil || len(public) != 1 || !public[0].Equal(next.Public()) {
		t.Errorf("the public key is %v, %v", public, err)
	}
	before, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runVerb(t, "keygen", "-o", first); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("a key was made over another: %v", err)
	}
	if after, _ := os.ReadFile(first); string(after) != string(before) {
		t.Error("the old key was changed")
	}
	if err := os.Remove(first); err != nil {
		t.Fatal(err)
	}
	if _, err := runVerb(t, "keygen", "-o", first); err == nil {
		t.Error("a public key was replaced")
	}
}
