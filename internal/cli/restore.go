package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
	"github.com/auditsidecar/auditsidecar/parquet"
)

const restoreExample = `  # the original lines of one object
  auditsidecar restore audit.parquet > audit.log

  # everything in an archive, in order
  auditsidecar restore s3://audit-archive/audit-logs --s3-region eu-central-1 | grep '"verb":"delete"'

  # the original files by their names
  auditsidecar restore ./archive --out ./restored`

func newRestoreCommand() *cobra.Command {
	var out string
	var s3 config.Archive
	var unrecorded bool
	cmd := &cobra.Command{
		Use:        "restore PATH|URL... [--out DIR]",
		Short:      "Write the original audit log from its objects, byte for byte",
		SuggestFor: []string{"extract", "cat", "download"},
		Long: `restore writes the lines that the objects were made of, in their original order,
to standard output: objects are ordered by cluster, node, epoch and number. PATH
is an object or a directory, URL (s3:// or file://) an archive; everything in it
is restored. With --out each original file becomes a new file of its name, in
cluster=CLUSTER/node=NODE/ where there is more than one node; no file is ever
replaced. The checksum of every original file is compared. A file whose record is
there and whose object is not is an error, after all others were restored. So are
objects that no record names: in an archive with records they are left out, with
their number and the first key, unless --unrecorded is given. They are forged, or
their file is not recorded yet. Without any record all objects are restored.

Of a file that was still open when its node was lost the archive has increments:
its lines up to --archive-max-lag before. They are restored where the finished
file is not there, with --out as NAME.partial, or has fewer bytes than they have: it
was cut before it was archived.`,
		Example: restoreExample,
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := openCatalog(cmd.Context(), args, s3, unrecorded, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if out == "" {
				return restoreTo(cmd.Context(), c, cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			return restoreFiles(cmd.Context(), c, out, cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&out, "out", "", "`directory` for the original files by their names, instead of standard output")
	registerUnrecorded(flags, &unrecorded)
	s3.RegisterS3(flags)
	return cmd
}

// restoreTo writes all files to w, in order.
func restoreTo(ctx context.Context, c *catalog.Catalog, w, report io.Writer) error {
	progress := terminal.NewFileProgress(report, w, len(c.Files))
	missing, err := eachOriginal(ctx, c, progress, report, false, func(o catalog.Original, _ io.Writer) error {
		return o.Write(ctx, os.TempDir(), io.MultiWriter(w, progress))
	})
	if errors.Is(err, syscall.EPIPE) {
		return nil // `restore ... | head` has seen enough
	}
	return errors.Join(missing, err)
}

// eachOriginal passes every original file to do, in order, with a writer for
// messages. One that is missing does not keep the others from it; with all, neither
// does one that fails.
func eachOriginal(ctx context.Context, c *catalog.Catalog, progress *terminal.FileProgress, report io.Writer, all bool, do func(catalog.Original, io.Writer) error) (missing, failed error) {
	defer progress.Clear()
	report = progress.Above(report)
	for _, f := range c.Files {
		err := c.Restore(ctx, f, func(o catalog.Original) error {
			if o.Note != "" {
				if _, err := fmt.Fprintln(report, o.Note); err != nil {
					return err
				}
			}
			progress.Begin(o.Size)
			return do(o, report)
		})
		progress.End()
		switch {
		case errors.Is(err, catalog.ErrMissing):
			missing = errors.Join(missing, err)
		case err != nil:
			failed = errors.Join(failed, err)
		}
		if failed != nil && !all || ctx.Err() != nil {
			break
		}
	}
	return errors.Join(missing, c.Skipped()), failed
}

// restoreFiles writes every original to a file of its own. If one cannot be
// restored, nothing of it is left but what is before a hole.
func restoreFiles(ctx context.Context, c *catalog.Catalog, dir string, report io.Writer) error {
	names := newFileNames(c.Files)
	progress := terminal.NewFileProgress(report, nil, len(c.Files))
	missing, err := eachOriginal(ctx, c, progress, report, true, func(o catalog.Original, report io.Writer) error {
		path, err := names.path(o.ID, o.Name)
		if err != nil {
			return err
		}
		path = filepath.Join(dir, path)
		hole, err := restoreFile(ctx, o, path, progress)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(report, path)
		return errors.Join(hole, err)
	})
	return errors.Join(missing, err)
}

// restoreFile makes a new file and never replaces one: the directory might be
// kube-apiserver's own. hole says that the file ends where one begins. What is
// written goes to progress, too.
func restoreFile(ctx context.Context, o catalog.Original, path string, progress io.Writer) (hole, err error) {
	dir := filepath.Dir(path)
	if err := durable.OS().MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	err = publishNew(path, 0o600, func(w io.Writer) error {
		err := o.Write(ctx, dir, io.MultiWriter(w, progress))
		var missing *parquet.HoleError
		if errors.As(err, &missing) && missing.From > 0 {
			hole = err
			return nil
		}
		return err
	})
	return hole, err
}

// fileNames gives every original file a path of its own below the output
// directory: its name; in a directory for its node where there are several;
// and after its epoch and number where an earlier file has the name.
type fileNames struct {
	byNode bool
	taken  map[string]bool
}

func newFileNames(files []*catalog.File) *fileNames {
	differs := func(f *catalog.File) bool { return f.Cluster != files[0].Cluster || f.Node != files[0].Node }
	return &fileNames{byNode: slices.ContainsFunc(files, differs), taken: map[string]bool{}}
}

func (f *fileNames) path(id catalog.ID, name string) (string, error) {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return "", fmt.Errorf("its object says that the original file was called %q, which is not a file name", name)
	}
	path := name
	if f.byNode {
		path = filepath.Join("cluster="+id.Cluster, "node="+id.Node, name)
	}
	if f.taken[path] {
		path = filepath.Join(filepath.Dir(path), fmt.Sprintf("%s-%08d-%s", id.Epoch, id.Seq, name))
	}
	if path != name { // what an object says of itself must not lead out of the directory
		key := archive.Key{Kind: archive.KindManifest, Cluster: id.Cluster, Node: id.Node, Tree: 1, Number: 1, Epoch: id.Epoch, Seq: id.Seq}
		if err := key.Check(); err != nil {
			return "", fmt.Errorf("make a name for the original file: %w", err)
		}
	}
	f.taken[path] = true
	return path, nil
}
