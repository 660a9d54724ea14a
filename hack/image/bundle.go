package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// bundled are the files of every archive, by name, without the binary.
func bundled(ctx context.Context, o *options, work string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		content, err := os.ReadFile(filepath.Join(o.Source, name))
		if err != nil {
			return nil, fmt.Errorf("read the files of every archive: %w", err)
		}
		files[name] = content
	}
	notices := filepath.Join(work, noticesName)
	if err := writeNotices(ctx, o, notices); err != nil {
		return nil, err
	}
	var err error
	if files[noticesName], err = os.ReadFile(notices); err != nil {
		return nil, fmt.Errorf("read the notices: %w", err)
	}
	if err := addTree(files, filepath.Join(o.Source, "manifests"), "manifests"); err != nil {
		return nil, err
	}
	if _, err := os.Stat(o.Man); o.Man != "" && err == nil {
		if err := addTree(files, o.Man, "man"); err != nil {
			return nil, err
		}
	}
	return files, addCompletions(ctx, o, work, files)
}

// addTree adds the files below dir, but for code.
func addTree(files map[string][]byte, dir, name string) error {
	err := fs.WalkDir(os.DirFS(dir), ".", func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(file, ".go") {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
		files[path.Join(name, file)] = content
		return err
	})
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// addCompletions adds the completions of shells, by a binary that runs here.
func addCompletions(ctx context.Context, o *options, work string, files map[string][]byte) error {
	binary := filepath.Join(work, "here")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", binary, "./cmd/auditsidecar")
	cmd.Dir = o.Source
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build for the completions: %w\n%s", err, out)
	}
	for _, shell := range []string{"bash", "fish", "zsh"} {
		script, err := exec.CommandContext(ctx, binary, "completion", shell).Output()
		if err != nil {
			return fmt.Errorf("write the completion for %s: %w", shell, err)
		}
		files["completions/auditsidecar."+shell] = script
	}
	return nil
}

// writeBundle writes the archive of one target: all files in one directory,
// names in order, root's, one time stamp.
func writeBundle(o *options, t target, binary string, common map[string][]byte) error {
	executable, err := os.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read the binary: %w", err)
	}
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("compress the archive for %s: %w", t, err)
	}
	top := strings.Join([]string{"auditsidecar", o.Version, t.OS, t.Arch}, "_")
	names := []string{"auditsidecar"}
	for name := range common {
		names = append(names, name)
	}
	slices.Sort(names)
	tw := tar.NewWriter(z)
	for _, name := range names {
		content, mode := common[name], int64(0o644)
		if name == "auditsidecar" {
			content, mode = executable, 0o755
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: top + "/" + name, Mode: mode, Size: int64(len(content)), ModTime: o.time(), Format: tar.FormatUSTAR}
		if err := tw.WriteHeader(h); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if _, err := tw.Write(content); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	if err := tw.Close(); err != nil {
		return fmt.Errorf("write the archive for %s: %w", t, err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("compress the archive for %s: %w", t, err)
	}
	if err := os.WriteFile(filepath.Join(o.Out, top+".tar.gz"), buf.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the archive for %s: %w", t, err)
	}
	return nil
}
