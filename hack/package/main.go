// Command package builds the deb and the rpm from nfpm.yaml: the static binary, a hardened unit of
// systemd, manual pages and completions. The same source, version and time stamp make the same bytes.
//
//	go run . -source ../.. -out ../../dist -version v0.1.0 -arch amd64,arm64
//
// It is a module of its own, so that nfpm stays out of the binary's dependencies.
package main

import (
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers the packager
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers the packager
)

// options are those of one build.
type options struct {
	source, out, version, arch string
	epoch                      int64
}

func main() {
	var o options
	flag.StringVar(&o.source, "source", "../..", "`directory` of the source")
	flag.StringVar(&o.out, "out", "../../dist", "`directory` to write to")
	flag.StringVar(&o.version, "version", "v0.0.0", "version")
	flag.StringVar(&o.arch, "arch", "amd64,arm64", "architectures")
	flag.Int64Var(&o.epoch, "epoch", 0, "time stamp of the files, in seconds")
	flag.Parse()
	if err := build(&o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// build writes the packages of all architectures.
func build(o *options) error {
	source, err := filepath.Abs(o.source)
	if err != nil {
		return err
	}
	o.source = source
	work, err := os.MkdirTemp("", "auditsidecar-package-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := texts(o, work); err != nil {
		return err
	}
	for _, arch := range strings.Split(o.arch, ",") {
		if err := binary(o, arch, filepath.Join(work, "auditsidecar")); err != nil {
			return err
		}
		for _, format := range []string{"deb", "rpm"} {
			if err := pack(o, work, arch, format); err != nil {
				return fmt.Errorf("make the %s for %s: %w", format, arch, err)
			}
		}
	}
	return nil
}

// binary builds the program as make build does.
func binary(o *options, arch, to string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version="+o.version, "-o", to, "./cmd/auditsidecar")
	cmd.Dir, cmd.Stderr = o.source, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	return cmd.Run()
}

// texts makes manual pages and completions.
func texts(o *options, work string) error {
	man, completions := filepath.Join(work, "man"), filepath.Join(work, "completions")
	cmd := exec.Command("go", "run", "-trimpath", "./hack/reference", "-man", man, "-version", o.version)
	cmd.Dir, cmd.Stderr = o.source, os.Stderr
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", o.epoch))
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("write the manual pages: %w", err)
	}
	pages, err := filepath.Glob(filepath.Join(man, "*.1"))
	if err != nil || len(pages) == 0 {
		return fmt.Errorf("no manual pages in %s: %w", man, err)
	}
	for _, page := range pages {
		if err := compress(page); err != nil {
			return err
		}
	}
	here := filepath.Join(work, "here")
	if err := binary(o, runtime.GOARCH, here); err != nil {
		return err
	}
	if err := os.MkdirAll(completions, 0o755); err != nil {
		return err
	}
	for _, shell := range []string{"bash", "fish", "zsh"} {
		script, err := exec.Command(here, "completion", shell).Output()
		if err != nil {
			return fmt.Errorf("write the completion for %s: %w", shell, err)
		}
		if err := os.WriteFile(filepath.Join(completions, "auditsidecar."+shell), script, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// compress replaces a file by its gzip, without a time.
func compress(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	out, err := os.Create(file + ".gz")
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(text); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return os.Remove(file)
}

// pack writes one package.
func pack(o *options, work, arch, format string) error {
	if err := os.Setenv("SOURCE_DATE_EPOCH", fmt.Sprint(o.epoch)); err != nil {
		return err
	}
	variables := map[string]string{"ARCH": arch, "VERSION": o.version, "SOURCE": o.source, "WORK": work}
	text, err := os.ReadFile(filepath.Join(o.source, "hack/package/nfpm.yaml"))
	if err != nil {
		return err
	}
	config, err := nfpm.Parse(strings.NewReader(os.Expand(string(text), func(name string) string { return variables[name] })))
	if err != nil {
		return err
	}
	info, err := config.Get(format)
	if err != nil {
		return err
	}
	info = nfpm.WithDefaults(info)
	info.MTime = time.Unix(o.epoch, 0).UTC()
	info.RPM.BuildHost = "localhost"
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return err
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	target, err := os.Create(filepath.Join(o.out, packager.ConventionalFileName(info)))
	if err != nil {
		return err
	}
	if err := packager.Package(info, target); err != nil {
		return err
	}
	return target.Close()
}
