package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// checksums is the name of the file with the SHA-256 of every other one.
const checksums = "SHA256SUMS"

// release adds to o.Out the files of a release beside the images. binaries are
// those that are built already.
func release(ctx context.Context, o *options, work string, binaries map[target]string) error {
	for _, t := range o.Targets {
		binary := filepath.Join(work, t.String())
		if err := compile(ctx, o, t, binary); err != nil {
			return err
		}
		if err := writeBill(o, t, binary); err != nil {
			return err
		}
		binaries[t] = binary
	}
	common, err := bundled(ctx, o, work)
	if err != nil {
		return err
	}
	for t, binary := range binaries {
		if err := writeBundle(o, t, binary, common); err != nil {
			return err
		}
	}
	if err := writeProvenance(o, binaries); err != nil {
		return err
	}
	if err := writeChecksums(o); err != nil {
		return err
	}
	return sign(ctx, o)
}

// writeChecksums writes the checksums of all files in o.Out, in the form of
// sha256sum(1).
func writeChecksums(o *options) error {
	names, err := artifacts(o)
	if err != nil {
		return err
	}
	var lines strings.Builder
	for _, name := range names {
		sum, err := fileSum(filepath.Join(o.Out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&lines, "%s  %s\n", sum, name)
	}
	if err := os.WriteFile(filepath.Join(o.Out, checksums), []byte(lines.String()), 0o644); err != nil {
		return fmt.Errorf("write the checksums: %w", err)
	}
	return nil
}

// artifacts are the names of the files that are released, sorted. Directories
// are something else's, such as manual pages.
func artifacts(o *options) ([]string, error) {
	entries, err := os.ReadDir(o.Out)
	if err != nil {
		return nil, fmt.Errorf("list the built files: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), checksums) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("compute a checksum: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("compute the checksum of %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// signatureNamespace keeps a signature from being one of something else.
const signatureNamespace = "auditsidecar-release"

// sign signs the checksums with ssh-keygen, which everybody has to verify with.
func sign(ctx context.Context, o *options) error {
	file := filepath.Join(o.Out, checksums)
	if err := os.Remove(file + ".sig"); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove an old signature: %w", err)
	}
	if o.SignKey == "" {
		return nil
	}
	cmd := exec.CommandContext(ctx, "ssh-keygen", "-Y", "sign", "-q", "-f", o.SignKey, "-n", signatureNamespace, file)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("sign the checksums: %w\n%s", err, out)
	}
	return nil
}
