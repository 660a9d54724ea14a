package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
)

// exitFindings is how verify ends when something is wrong.
const exitFindings = 3

// keygen makes the key that the sidecar signs with.
func (s stage) keygen(ctx context.Context) error {
	r, err := sidecar.Verb(ctx, sidecar.Config{Binary: s.binary, Args: []string{"keygen", "--cluster", "demo", "--node", "cp1", "--out", s.key()}})
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("auditsidecar keygen ended with code %d: %s", r.Code, r.Stderr)
	}
	return err
}

func (s stage) key() string { return filepath.Join(s.dir, "signing.key") }

// prove has the archive verified as it is, and once more with one bit of one
// object flipped, which must be found and named.
func (s stage) prove(ctx context.Context, f *figures) error {
	verify := func(more ...string) (sidecar.Result, error) {
		args := append([]string{"verify", s.archive(), "--key", s.key() + ".vkey"}, more...)
		return sidecar.Verb(ctx, sidecar.Config{Binary: s.binary, Args: args})
	}
	clean, err := verify("--deep")
	if err != nil {
		return err
	}
	f.proven = clean.Code == 0
	if !f.proven {
		fmt.Fprintf(os.Stderr, "%s%s", clean.Stdout, clean.Stderr)
	}
	object, err := firstObject(s.archive())
	if err != nil {
		return err
	}
	good, err := os.ReadFile(object)
	if err != nil {
		return fmt.Errorf("read an object: %w", err)
	}
	bad := bytes.Clone(good)
	bad[len(bad)/2] ^= 1
	if err := os.WriteFile(object, bad, 0o600); err != nil {
		return fmt.Errorf("flip a bit: %w", err)
	}
	found, err := verify()
	if err != nil {
		return err
	}
	f.tamperFound = found.Code == exitFindings && bytes.Contains(found.Stdout, []byte(filepath.Base(object)))
	if err := os.WriteFile(object, good, 0o600); err != nil {
		return fmt.Errorf("flip the bit back: %w", err)
	}
	return nil
}

// firstObject is a Parquet object below dir.
func firstObject(dir string) (found string, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && found == "" && !e.IsDir() && strings.HasSuffix(path, ".parquet") {
			found = path
		}
		return err
	})
	if err == nil && found == "" {
		err = fmt.Errorf("no object below %s", dir)
	}
	return found, err
}
