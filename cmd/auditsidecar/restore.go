package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/durable"
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
		Use:   "restore PATH|URL... [-o DIR]",
		Short: "Write the original audit log from its objects, byte for byte",
		Long: `restore writes the lines that the objects were made of, in their original order,
to standard output: objects are ordered by cluster, node, epoch and number. PATH
is an object or a directory, URL (s3:// or file://) an archive; everything in it
is restored. With -o each original file is written by its name. The checksum of
every original file is compared.`,
		Example: restoreExample,
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			sources, err := findSources(cmd.Context(), args, s3)
			if err != nil {
				return err
			}
			if out == "" {
				return restoreTo(cmd.Context(), sources, cmd.OutOrStdout())
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

// restoreTo writes all sources to w, in order.
func restoreTo(ctx context.Context, sources []*sourceObjects, w io.Writer) error {
	for _, s := range sources {
		if err := s.restore(ctx, os.TempDir(), w); err != nil {
			return fmt.Errorf("restore %s: %w", s.name(), err)
		}
	}
	return nil
}

// restoreFiles writes every source to a file of its own. One that cannot be
// restored does not keep the others from it; nothing of it is left.
func restoreFiles(ctx context.Context, sources []*sourceObjects, dir string, report io.Writer) error {
	paths, err := filePaths(sources)
	if err != nil {
		return err
	}
	var errs []error
	for i, s := range sources {
		path := filepath.Join(dir, paths[i])
		if err := restoreFile(ctx, s, path); err != nil {
			errs = append(errs, fmt.Errorf("restore %s: %w", s.name(), err))
			continue
		}
		fmt.Fprintln(report, path)
	}
	return errors.Join(errs...)
}

func restoreFile(ctx context.Context, s *sourceObjects, path string) error {
	fsys := durable.OS()
	if err := fsys.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return fsys.Replace(path, 0o600, func(w io.Writer) error { return s.restore(ctx, filepath.Dir(path), w) })
}

// filePaths gives every source a path below the output directory: its name
// where that is enough, else its cluster, node, epoch and number before it.
func filePaths(sources []*sourceObjects) ([]string, error) {
	count := map[string]int{}
	for _, s := range sources {
		count[s.meta.SourceName]++
	}
	paths := make([]string, len(sources))
	for i, s := range sources {
		name := s.meta.SourceName
		if name == "" || name != filepath.Base(name) || name == ".." || name == "." {
			return nil, fmt.Errorf("%s says that its original file was called %q, which is no file name", s.name(), name)
		}
		paths[i] = name
		if count[name] > 1 {
			paths[i] = filepath.Join(filepath.Base(s.meta.Cluster), filepath.Base(s.meta.Node), fmt.Sprintf("%s-%08d-%s", filepath.Base(s.meta.Epoch), s.meta.Seq, name))
		}
	}
	return paths, nil
}

// restore writes the bytes of one source.
func (s *sourceObjects) restore(ctx context.Context, work string, w io.Writer) (err error) {
	inputs := make([]parquet.Input, 0, len(s.objects))
	for _, o := range s.objects {
		r, size, err := o.open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		inputs = append(inputs, parquet.Input{Name: o.name, ReaderAt: r, Size: size})
	}
	return parquet.RestoreIn(ctx, work, inputs, w)
}
