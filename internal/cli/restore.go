package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/archive"
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
  auditsidecar restore ./archive -o ./restored`

func newRestoreCommand() *cobra.Command {
	var out string
	var s3 config.Archive
	cmd := &cobra.Command{
		Use:        "restore PATH|URL... [-o DIR]",
		Short:      "Write the original audit log from its objects, byte for byte",
		SuggestFor: []string{"extract", "cat", "download"},
		Long: `restore writes the lines that the objects were made of, in their original order,
to standard output: objects are ordered by cluster, node, epoch and number. PATH
is an object or a directory, URL (s3:// or file://) an archive; everything in it
is restored. With -o each original file becomes a new file of its name, in
cluster=CLUSTER/node=NODE/ where there is more than one node; no file is ever
replaced. The checksum of every original file is compared. A file whose record is
there and whose object is not is an error, after all others were restored.

Of a file that was still open when its node was lost the archive has increments:
its lines up to --archive-max-lag before. They are restored where the finished
file is not there, with -o as NAME.partial, or has fewer bytes than they have: it
was cut before it was archived.`,
		Example: restoreExample,
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			sources, err := findSources(cmd.Context(), args, s3)
			if err != nil {
				return err
			}
			if out == "" {
				return restoreTo(cmd.Context(), sources, cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			return restoreFiles(cmd.Context(), sources, out, cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&out, "out", "o", "", "`directory` for the original files by their names, instead of standard output")
	s3.RegisterS3(flags)
	return cmd
}

// restoreTo writes all sources to w, in order. One that is missing does not keep the
// others from it.
func restoreTo(ctx context.Context, sources []*source, w, report io.Writer) error {
	progress := terminal.NewFileProgress(report, w, len(sources))
	defer progress.Clear()
	var missing []error
	for _, s := range sources {
		err := s.restore(ctx, sources, progress.Above(report), func(o original) error {
			progress.Begin(o.size)
			return o.write(ctx, os.TempDir(), io.MultiWriter(w, progress))
		})
		if errors.Is(err, syscall.EPIPE) {
			return nil // `restore ... | head` has seen enough
		}
		if errors.Is(err, errMissing) {
			missing = append(missing, err)
			continue
		}
		if err != nil {
			return errors.Join(append(missing, err)...)
		}
		progress.End()
	}
	return errors.Join(missing...)
}

// restore gives the original file to do, if it is this source's turn to be it.
func (s *source) restore(ctx context.Context, all []*source, report io.Writer, do func(original) error) error {
	f, err := s.choose(ctx, all)
	if err == nil && f == nothing {
		return nil
	}
	if err == nil && f == partial {
		_, err = fmt.Fprintf(report, "%s was never archived as a whole: restoring what was when it was open, its first %d bytes\n", s.id, s.extent())
	}
	if err == nil && f == longer {
		_, err = fmt.Fprintf(report, "%s was cut before it was archived: its increments have %d bytes, and are restored as well\n", s.id, s.extent())
	}
	if err == nil {
		err = s.read(ctx, f, do)
	}
	if err != nil {
		return fmt.Errorf("restore %s: %w", s.id, err)
	}
	return nil
}

// restoreFiles writes every source to a file of its own. One that cannot be
// restored does not keep the others from it; nothing of it is left, but what
// is before a hole.
func restoreFiles(ctx context.Context, sources []*source, dir string, report io.Writer) error {
	names := newFileNames(sources)
	progress := terminal.NewFileProgress(report, nil, len(sources))
	defer progress.Clear()
	report = progress.Above(report)
	var errs []error
	for _, s := range sources {
		err := s.restore(ctx, sources, report, func(o original) error {
			path, err := names.path(s.id, o.name)
			if err != nil {
				return err
			}
			path = filepath.Join(dir, path)
			progress.Begin(o.size)
			hole, err := restoreFile(ctx, o, path, progress)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(report, path)
			return errors.Join(hole, err)
		})
		errs = append(errs, err)
		progress.End()
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// restoreFile makes a new file and never replaces one: the directory might be
// kube-apiserver's own. hole says that the file ends where one begins. What is
// written goes to progress, too.
func restoreFile(ctx context.Context, o original, path string, progress io.Writer) (hole, err error) {
	exists := fmt.Errorf("%s is there already and stays as it is; give another directory as -o: %w", path, fs.ErrExist)
	if _, err := os.Lstat(path); err == nil {
		return nil, exists
	}
	fsys, dir := durable.OS(), filepath.Dir(path)
	if err := fsys.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	err = fsys.Publish(path, 0o600, func(w io.Writer) error {
		err := o.write(ctx, dir, io.MultiWriter(w, progress))
		var missing *parquet.HoleError
		if errors.As(err, &missing) && missing.From > 0 {
			hole = err
			return nil
		}
		return err
	})
	if errors.Is(err, fs.ErrExist) {
		return nil, exists
	}
	return hole, err
}

// fileNames gives every original file a path of its own below the output
// directory: its name; in a directory for its node where there are several;
// and after its epoch and number where an earlier file has the name.
type fileNames struct {
	byNode bool
	taken  map[string]bool
}

func newFileNames(sources []*source) *fileNames {
	differs := func(s *source) bool {
		return s.id.cluster != sources[0].id.cluster || s.id.node != sources[0].id.node
	}
	return &fileNames{byNode: slices.ContainsFunc(sources, differs), taken: map[string]bool{}}
}

func (f *fileNames) path(id sourceID, name string) (string, error) {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return "", fmt.Errorf("its object says that the original file was called %q, which is no file name", name)
	}
	path := name
	if f.byNode {
		path = filepath.Join("cluster="+id.cluster, "node="+id.node, name)
	}
	if f.taken[path] {
		path = filepath.Join(filepath.Dir(path), fmt.Sprintf("%s-%08d-%s", id.epoch, id.seq, name))
	}
	if path != name { // what an object says of itself must not lead out of the directory
		key := archive.Key{Kind: archive.KindManifest, Cluster: id.cluster, Node: id.node, Epoch: id.epoch, Seq: id.seq}
		if err := key.Check(); err != nil {
			return "", fmt.Errorf("make a name for the original file: %w", err)
		}
	}
	f.taken[path] = true
	return path, nil
}
