package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options has the flags of the command line.
type options struct {
	Source   string   // root of the source tree
	Command  string   // directory of the program whose licenses are checked; empty: the sidecar's
	Out      string   // directory of the results
	Name     string   // image name without tag
	Version  string   // the tag, and the output of `auditsidecar version`
	Revision string   // commit
	Epoch    int64    // seconds since 1970
	Arches   []string // GOARCH values
	Release  bool     // make the archives, checksums and provenance, too
	Targets  []target // beside the image's, of a release
	Man      string   // directory of manual pages; need not be there
	Builder  string   // who builds, for the provenance
	SignKey  string   // private key of OpenSSH that signs the checksums
}

func (o *options) time() time.Time { return time.Unix(o.Epoch, 0).UTC() }

func main() {
	var o options
	notices := flag.String("notices", "", "check the licenses of all dependencies, write their notices to `file` and do nothing else")
	targets := flag.String("targets", "darwin/amd64,darwin/arm64", "comma-separated `list` of GOOS/GOARCH that a release has beside the image's")
	flag.BoolVar(&o.Release, "release", false, "make the archives, checksums and provenance of a release, too")
	flag.StringVar(&o.Man, "man", "", "`directory` of manual pages for a release")
	flag.StringVar(&o.Builder, "builder", "https://github.com/auditsidecar/auditsidecar/hack/image", "`URI` of who builds, for the provenance")
	flag.StringVar(&o.SignKey, "sign-key", "", "OpenSSH private key `file` that signs a release's checksums")
	arches := flag.String("arch", "amd64,arm64", "comma-separated GOARCH `list`")
	flag.StringVar(&o.Command, "command", "", "with -notices: `directory` of another program in the tree")
	flag.StringVar(&o.Source, "source", ".", "root `directory` of the source tree")
	flag.StringVar(&o.Out, "out", "dist", "`directory` of the results")
	flag.StringVar(&o.Name, "name", "ghcr.io/auditsidecar/auditsidecar", "image `name` without a tag")
	flag.StringVar(&o.Version, "version", "unknown", "version, also the image's `tag`")
	flag.StringVar(&o.Revision, "revision", "", "`commit`, for the image's labels")
	flag.Int64Var(&o.Epoch, "epoch", 0, "time stamp of everything in the image, in `seconds` since 1970")
	flag.Parse()
	o.Arches = strings.Split(*arches, ",")
	for t := range strings.FieldsFuncSeq(*targets, func(r rune) bool { return r == ',' }) {
		system, arch, _ := strings.Cut(t, "/")
		o.Targets = append(o.Targets, target{system, arch})
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	make := build
	if *notices != "" {
		make = func(ctx context.Context, o *options) error { return writeNotices(ctx, o, *notices) }
	}
	if err := make(ctx, &o); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		stop()
		os.Exit(1)
	}
}

// build makes all files in o.Out.
func build(ctx context.Context, o *options) error {
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return fmt.Errorf("make the output directory: %w", err)
	}
	work, err := os.MkdirTemp("", "auditsidecar-image-")
	if err != nil {
		return fmt.Errorf("make a work directory: %w", err)
	}
	defer os.RemoveAll(work)

	var images []platformImage
	binaries := map[target]string{}
	for _, arch := range o.Arches {
		t := target{"linux", arch}
		binary := filepath.Join(work, t.String())
		if err := compile(ctx, o, t, binary); err != nil {
			return err
		}
		binaries[t] = binary
		img, err := newImage(o, arch, binary)
		if err != nil {
			return err
		}
		if err := writeDockerArchive(o, img); err != nil {
			return err
		}
		if err := writeBill(o, t, binary); err != nil {
			return err
		}
		images = append(images, img)
	}
	if err := writeOCIArchive(o, work, images); err != nil || !o.Release {
		return err
	}
	return release(ctx, o, work, binaries)
}
