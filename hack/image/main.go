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

// options is what the command line says.
type options struct {
	Source   string   // root of the source tree
	Out      string   // directory of the results
	Name     string   // image name without tag
	Version  string   // the tag, and what `auditsidecar version` prints
	Revision string   // commit
	Epoch    int64    // seconds since 1970
	Arches   []string // GOARCH values
}

func (o *options) time() time.Time { return time.Unix(o.Epoch, 0).UTC() }

func main() {
	var o options
	arches := flag.String("arch", "amd64,arm64", "comma-separated GOARCH `list`")
	flag.StringVar(&o.Source, "source", ".", "root `directory` of the source tree")
	flag.StringVar(&o.Out, "out", "dist", "`directory` of the results")
	flag.StringVar(&o.Name, "name", "ghcr.io/auditsidecar/auditsidecar", "image `name` without a tag")
	flag.StringVar(&o.Version, "version", "unknown", "version, also the image's `tag`")
	flag.StringVar(&o.Revision, "revision", "", "`commit`, for the image's labels")
	flag.Int64Var(&o.Epoch, "epoch", 0, "time stamp of everything in the image, in `seconds` since 1970")
	flag.Parse()
	o.Arches = strings.Split(*arches, ",")

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := build(ctx, &o); err != nil {
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
	for _, arch := range o.Arches {
		binary := filepath.Join(work, "auditsidecar-"+arch)
		if err := compile(ctx, o, arch, binary); err != nil {
			return err
		}
		img, err := newImage(o, arch, binary)
		if err != nil {
			return err
		}
		if err := writeDockerArchive(o, img); err != nil {
			return err
		}
		if err := writeBill(o, arch, binary); err != nil {
			return err
		}
		images = append(images, img)
	}
	return writeOCIArchive(o, work, images)
}
