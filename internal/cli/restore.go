package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/parallel"
	"github.com/auditsidecar/auditsidecar/internal/restore"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
	"github.com/auditsidecar/auditsidecar/internal/timerange"
	"github.com/auditsidecar/auditsidecar/parquet"
)

const restoreExample = `  # the original lines of one object
  auditsidecar restore audit.parquet > audit.log

  # everything in an archive, in order
  auditsidecar restore s3://audit-archive/audit-logs --s3-region eu-central-1 | wc -l

  # one file, as the archive's records name it
  auditsidecar restore ./archive --file audit-2026-11-22T17-00-27.978.log --out ./restored

  # the original files by their names
  auditsidecar restore ./archive --out ./restored`

// restoreFlags are the flags of the verb restore.
type restoreFlags struct {
	out, cluster, node, file string
	times                    timerange.Range
	dryRun, unrecorded       bool
	jobs                     parallel.Jobs
	s3                       config.Archive
}

func newRestoreCommand() *cobra.Command {
	var f restoreFlags
	cmd := &cobra.Command{
		Use:        "restore PATH|URL... [--out DIR]",
		Short:      "Write the original audit log from its objects, byte for byte",
		SuggestFor: []string{"extract", "cat", "download"},
		Long: `restore writes the lines that the objects were made of, in their original order,
to standard output: objects are ordered by cluster, node, epoch and number. PATH
is an object or a directory, URL (s3:// or file://) an archive; everything in it
is restored that --cluster, --node, --file and the times choose: whole files, by
when they were begun and rotated.
With --out each original file becomes a new file of its name, in
cluster=CLUSTER/node=NODE/ where there is more than one node; no file is ever
replaced. --dry-run lists the files with their records and writes nothing.

The checksum of every original file is compared with its objects and its record.
A file whose record is there and whose object is not is an error, after all others
were restored. So are objects that no record names: in an archive with records they
are left out, with their number and the first key, unless --unrecorded is given.
They are forged, or their file is not recorded yet; of files just above the last
record a note says so. Without any record all objects are restored.

Of a file that was still open when its node was lost the archive has increments:
its lines up to --archive-max-lag before. They are restored where the finished
file is not there, with --out as NAME.partial, or has fewer bytes than they have: it
was cut before it was archived.`,
		Example: restoreExample,
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(f.times.Validate(), f.jobs.Validate()); err != nil {
				return &usageError{err}
			}
			return f.run(cmd, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", "", "`directory` for the original files by their names, instead of standard output")
	flags.BoolVar(&f.dryRun, "dry-run", false, "list the files, write nothing")
	flags.StringVar(&f.cluster, "cluster", "", "only files of this `cluster`")
	flags.StringVar(&f.node, "node", "", "only files of this `node`")
	flags.StringVar(&f.file, "file", "", "only the file of this `name`, such as audit-2026-11-22T17-00-27.978.log")
	f.times.Register(flags)
	f.jobs.Register(flags)
	registerUnrecorded(flags, &f.unrecorded)
	f.s3.RegisterS3(flags)
	return cmd
}

func (f *restoreFlags) run(cmd *cobra.Command, args []string) error {
	ctx, out, report := cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	c, err := openCatalog(ctx, args, f.s3, f.unrecorded, report)
	if err != nil {
		return err
	}
	before := &catalog.File{} // they are in order
	c.Files = slices.DeleteFunc(c.Files, func(file *catalog.File) bool {
		var begun time.Time
		at, end := before.Rotated(), file.Rotated()
		if file.Epoch == before.Epoch && !at.IsZero() && (end.IsZero() || at.Before(end)) { // else the clock was set back
			begun = at.Add(-lateLines)
		}
		before = file
		return !f.wants(file, begun)
	})
	switch {
	case len(c.Files) == 0:
		return errors.New("restore: no file of the archive is of these flags; auditsidecar ls lists its files")
	case f.dryRun:
		return listFiles(ctx, c, f.file, out)
	case f.file != "":
		c.Only = f.file
	}
	if f.out == "" {
		err = restoreTo(ctx, c, f.jobs, out, report)
	} else {
		err = restoreFiles(ctx, c, f.jobs, f.out, report)
	}
	if err == nil && f.file != "" && c.Restored == 0 {
		err = fmt.Errorf("restore: no file is called %s; --dry-run lists them", f.file)
	}
	return err
}

// lateLines is how much earlier than the beginning of its file a line's time may be.
const lateLines = time.Minute

// wants chooses a file by its keys, and by when it was begun, zero if unknown; the name of an
// open file is in its objects only.
func (f *restoreFlags) wants(file *catalog.File, begun time.Time) bool {
	if f.cluster != "" && file.Cluster != f.cluster || f.node != "" && file.Node != f.node {
		return false
	}
	rotated := file.Rotated()
	if f.file != "" && !rotated.IsZero() && !strings.Contains(f.file, rotated.Format(archive.RotatedLayout)) {
		return false
	}
	last := f.times.To
	if !last.IsZero() {
		last = last.Add(-1)
	}
	return f.times.Overlaps(begun, rotated) && file.Within(f.times.From.Truncate(24*time.Hour), last)
}

// listFiles lists files by their records.
func listFiles(ctx context.Context, c *catalog.Catalog, name string, out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	files, lines, size := 0, int64(0), int64(0)
	for _, f := range c.Files {
		r, err := c.Record(ctx, f)
		switch {
		case err != nil:
			return err
		case r != nil && r.Source != nil:
			if name != "" && r.Source.Name != name {
				continue
			}
			stored := r.Stored()
			lines, size = lines+stored.Lines, size+stored.Size
			fmt.Fprintf(table, "%s\t%s/%s\t%s/%d\t%s\t%s\n", archive.Printable(r.Source.Name), f.Cluster, f.Node, f.Epoch, f.Seq, english.Plural(int(stored.Lines), "line", ""), megabytes(stored.Size))
		case len(f.Objects) > 0:
			fmt.Fprintf(table, "no record\t%s/%s\t%s/%d\t%s\t\n", f.Cluster, f.Node, f.Epoch, f.Seq, english.Plural(len(f.Objects), "object", ""))
		default:
			fmt.Fprintf(table, "open\t%s/%s\t%s/%d\t%s\t%s\n", f.Cluster, f.Node, f.Epoch, f.Seq, english.Plural(len(f.Parts), "increment", ""), megabytes(f.Extent()))
		}
		files++
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s; those with a record: %s, %s\n", english.Plural(files, "file", ""), english.Plural(int(lines), "line", ""), megabytes(size))
	return err
}

// restoreTo writes all files to w, in order.
func restoreTo(ctx context.Context, c *catalog.Catalog, j parallel.Jobs, w, report io.Writer) error {
	r := restore.Originals{Catalog: c, Jobs: j, Progress: terminal.NewFileProgress(report, w, len(c.Files)), Report: report}
	missing, err := r.Lines(ctx, func(catalog.Original) (io.Writer, func() error, error) {
		return w, func() error { return nil }, nil
	})
	if errors.Is(err, syscall.EPIPE) {
		return nil // `restore ... | head` has seen enough
	}
	return errors.Join(missing, err)
}

// restoreFiles writes every original to a file of its own. If one cannot be
// restored, nothing of it is left but the part before a hole.
func restoreFiles(ctx context.Context, c *catalog.Catalog, j parallel.Jobs, dir string, report io.Writer) error {
	names := newFileNames(c.Files)
	r := restore.Originals{Catalog: c, Jobs: j, Progress: terminal.NewFileProgress(report, nil, len(c.Files)), Report: report, All: true}
	report = r.Progress.Above(report)
	missing, err := r.Each(ctx, func(ctx context.Context, i int, o catalog.Original, progress io.Writer) (func() error, func(), error) {
		var path string
		var err error
		r.InTurn(i, func() { path, err = names.path(o.ID, o.Name) })
		if err != nil {
			return nil, nil, err
		}
		path = filepath.Join(dir, path)
		hole, err := restoreFile(ctx, o, path, progress)
		if err != nil {
			return nil, nil, err
		}
		return func() error {
			_, err := fmt.Fprintln(report, path)
			return errors.Join(hole, err)
		}, nil, nil
	})
	return errors.Join(missing, err)
}

// restoreFile makes a new file and never replaces one: the directory might be
// kube-apiserver's own. hole says that the file ends where one begins. The part
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
	if path != name { // an object's own metadata must not lead out of the directory
		key := archive.Key{Kind: archive.KindManifest, Cluster: id.Cluster, Node: id.Node, Tree: 1, Number: 1, Epoch: id.Epoch, Seq: id.Seq}
		if err := key.Check(); err != nil {
			return "", fmt.Errorf("make a name for the original file: %w", err)
		}
	}
	f.taken[path] = true
	return path, nil
}
