package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checkRelease looks at everything that a release has beside the images, with
// the tools that its users have.
func checkRelease(t *testing.T, o *options, arch string) {
	t.Helper()
	top := "auditsidecar_" + o.Version + "_linux_" + arch
	files := untar(t, read(t, o, top+".tar.gz"))
	for _, name := range []string{"auditsidecar", "LICENSE", "README.md", "CHANGELOG.md", noticesName, "manifests/config.yaml", "completions/auditsidecar.bash", "completions/auditsidecar.fish", "completions/auditsidecar.zsh", "man/auditsidecar.1"} {
		if len(files[top+"/"+name]) == 0 {
			t.Errorf("%s has no %s", top, name)
		}
	}
	if files[top+"/manifests/embed.go"] != nil {
		t.Errorf("%s has Go code", top)
	}
	if notices := string(files[top+"/"+noticesName]); !strings.Contains(notices, "\ngithub.com/parquet-go/parquet-go v") || !strings.Contains(notices, "Apache License") {
		t.Errorf("%d bytes of notices without parquet-go's", len(notices))
	}
	checkProvenance(t, o)
	cmd := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "--quiet", checksums)
	cmd.Dir = o.Out
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v: %s", err, out)
	}
}

func checkProvenance(t *testing.T, o *options) {
	t.Helper()
	var s statement
	if err := json.Unmarshal(read(t, o, "auditsidecar_"+o.Version+".intoto.json"), &s); err != nil {
		t.Fatal(err)
	}
	names, err := artifacts(o)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Subject) != len(names)-1 { // all but itself
		t.Errorf("%d subjects of %d files", len(s.Subject), len(names))
	}
	for _, subject := range s.Subject {
		if sum, err := fileSum(filepath.Join(o.Out, subject.Name)); err != nil || sum != subject.Digest["sha256"] {
			t.Errorf("%s: SHA-256 %s, %v; provenance has %s", subject.Name, sum, err, subject.Digest["sha256"])
		}
	}
	deps := s.Predicate.BuildDefinition.ResolvedDependencies
	if len(deps) < 40 || deps[0].Digest["gitCommit"] != o.Revision {
		t.Fatalf("%d dependencies, the first %+v", len(deps), deps)
	}
	for _, d := range deps[1:] {
		if len(d.Digest["dirHash"]) != 64 {
			t.Errorf("%s: digest %v", d.URI, d.Digest)
		}
	}
}

func untar(t *testing.T, content []byte) map[string][]byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for tr := tar.NewReader(z); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s belongs to %d:%d", h.Name, h.Uid, h.Gid)
		}
		if files[h.Name], err = io.ReadAll(tr); err != nil {
			t.Fatal(err)
		}
	}
}

// The signature is one that OpenSSH accepts, of these checksums and no others.
func TestSign(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("no ssh-keygen")
	}
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	o := &options{Out: t.TempDir(), SignKey: key}
	if err := os.WriteFile(filepath.Join(o.Out, "file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time over the first
		if err := errors.Join(writeChecksums(o), sign(t.Context(), o)); err != nil {
			t.Fatal(err)
		}
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	signers := filepath.Join(dir, "signers")
	if err := os.WriteFile(signers, append([]byte("release@auditsidecar "), public...), 0o600); err != nil {
		t.Fatal(err)
	}
	verify := func(content []byte) error {
		cmd := exec.Command("ssh-keygen", "-Y", "verify", "-f", signers, "-I", "release@auditsidecar", "-n", signatureNamespace, "-s", filepath.Join(o.Out, checksums+".sig"))
		cmd.Stdin = bytes.NewReader(content)
		return cmd.Run()
	}
	content := read(t, o, checksums)
	if err := verify(content); err != nil {
		t.Errorf("the signature is not accepted: %v", err)
	}
	if err := verify(append(content, "more\n"...)); err == nil {
		t.Error("the signature is accepted for other checksums")
	}
	o.SignKey = filepath.Join(dir, "none")
	if err := sign(t.Context(), o); err == nil {
		t.Error("signed with a key that is not there")
	}
}

func TestLicensesOf(t *testing.T) {
	mit, err := os.ReadFile(filepath.Join("testdata", "mit.txt"))
	if err != nil {
		t.Fatal(err)
	}
	apache, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	agpl := "This program is free software: you can redistribute it and/or modify it under the terms of the GNU Affero General Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later version."
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string // empty: fine
	}{
		{"MIT", map[string]string{"LICENSE": string(mit)}, ""},
		{"Apache with a notice", map[string]string{"LICENSE.txt": string(apache), "NOTICE": "Copyright somebody"}, ""},
		{"British", map[string]string{"LICENCE.md": string(mit)}, ""},
		{"none", map[string]string{"README.md": string(mit)}, "no license that is known"},
		{"one's own words", map[string]string{"LICENSE": "Do what you like."}, "no license that is known"},
		{"not allowed", map[string]string{"LICENSE": agpl}, "is not allowed"},
		{"allowed, and another that is not", map[string]string{"LICENSE": string(mit), "COPYING": agpl}, "is not allowed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range test.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := licensesOf(module{"example.org/m", "v1.0.0", dir})
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
