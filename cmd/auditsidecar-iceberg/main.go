// Command auditsidecar-iceberg keeps an Apache Iceberg table over the finished files of an
// archive: it adds each object that a record names, once, and opens none of them. See
// docs/iceberg.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/config"
)

// version is set by the linker: -ldflags "-X main.version=v1.2.3".
var version = "unknown"

func main() { os.Exit(start(os.Args[1:], os.Stdout, os.Stderr, nil)) }

// Exit codes.
const (
	exitOK = iota
	exitFailed
	exitUsage
)

// errUsage is wrapped by mistakes of the command line.
var errUsage = errors.New("see --help")

// start runs the command. crash gets each step of a commit in tests, which end the process there.
func start(args []string, stdout, stderr io.Writer, crash func(step string)) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, args, stdout, stderr, crash)
	if errors.Is(err, pflag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "auditsidecar-iceberg:", err)
	}
	switch {
	case errors.Is(err, errUsage):
		return exitUsage
	case err != nil:
		return exitFailed
	}
	return exitOK
}

// settings are the flags.
type settings struct {
	archive         config.Archive
	catalog, name   string
	catalogFile     string
	properties      []string
	table, location string
	keepDays        int
	expireBefore    string
	expireSnapshots time.Duration
	batch           int
	skipMissing     bool
	version         bool
}

const usage = `auditsidecar-iceberg adds the objects of an archive to a table of Apache Iceberg.

Usage:
  auditsidecar-iceberg ARCHIVE-URL --catalog sql|rest|glue --table NAMESPACE.TABLE --table-location URL

It reads rollups and records, and opens no data object. How far it read each node is in the
snapshot that has the objects: run it as often as needed, and more than once at a time. It needs
no more than to read the archive; the table must be outside of it.

Flags:
`

func (s *settings) flags(stderr io.Writer) *pflag.FlagSet {
	flags := pflag.NewFlagSet("auditsidecar-iceberg", pflag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.SortFlags = false
	flags.Usage = func() { _, _ = fmt.Fprint(stderr, usage+flags.FlagUsagesWrapped(100)) }
	flags.StringVar(&s.catalog, "catalog", "", "`kind` of the catalog: sql, rest or glue")
	flags.StringVar(&s.name, "catalog-name", "default", "`name` of the catalog; a SQL catalog keeps the tables of each name apart")
	flags.StringVar(&s.catalogFile, "catalog-config", "", "`file` with properties of the catalog, KEY=VALUE in each line")
	flags.StringArrayVar(&s.properties, "catalog-property", nil, "a property of the catalog, `KEY=VALUE`; over those of the file")
	flags.StringVar(&s.table, "table", "audit.audit_events", "`name` of the table, with its namespace")
	flags.StringVar(&s.location, "table-location", "", "`URL` for the metadata of the table, outside the archive; needed to create it")
	flags.IntVar(&s.keepDays, "keep", 0, "keep entries of that many `days`; fewer than the lifecycle keeps objects; 0: all")
	flags.StringVar(&s.expireBefore, "expire-before", "", "remove the entries of objects from before this `day`, such as 2026-01-31")
	flags.DurationVar(&s.expireSnapshots, "expire-snapshots", 0, "remove snapshots older than this, and their metadata; 0: none")
	flags.IntVar(&s.batch, "batch", 10000, "most `objects` in one snapshot")
	flags.BoolVar(&s.skipMissing, "skip-missing", false, "continue a node behind a record that is missing or damaged")
	flags.BoolVar(&s.version, "version", false, "print the version")
	s.archive.RegisterS3(flags)
	return flags
}

var validTable = regexp.MustCompile(`^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)+$`)

// parse reads the flags and returns every mistake at once.
func (s *settings) parse(args []string, stderr io.Writer) error {
	flags := s.flags(stderr)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return err
		}
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	if s.version {
		return nil
	}
	var errs []error
	if flags.NArg() != 1 {
		errs = append(errs, fmt.Errorf("%d arguments: give the URL of one archive", flags.NArg()))
	}
	s.archive.URL = flags.Arg(0)
	if s.catalog != "sql" && s.catalog != "rest" && s.catalog != "glue" {
		errs = append(errs, fmt.Errorf("--catalog %q: expected sql, rest or glue", s.catalog))
	}
	if !validTable.MatchString(s.table) {
		errs = append(errs, fmt.Errorf("--table %q: expected NAMESPACE.TABLE of lower-case letters, digits and '_'", s.table))
	}
	if _, err := time.Parse(time.DateOnly, s.expireBefore); s.expireBefore != "" && err != nil {
		errs = append(errs, fmt.Errorf("--expire-before %q: expected a day such as 2026-01-31", s.expireBefore))
	}
	if s.keepDays < 0 || s.batch < 1 || s.expireSnapshots < 0 {
		errs = append(errs, errors.New("--keep and --expire-snapshots take no negative value, --batch takes 1 or more"))
	}
	if s.keepDays > 0 && s.expireBefore != "" {
		errs = append(errs, errors.New("--keep and --expire-before say the same: give one of them"))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	return nil
}

// oldest is the first day whose objects have entries, or empty.
func (s *settings) oldest(now time.Time) string {
	if s.keepDays > 0 {
		return now.UTC().AddDate(0, 0, -s.keepDays).Format(time.DateOnly)
	}
	return s.expireBefore
}

// catalogProperties are those of the file and of the flags.
func (s *settings) catalogProperties() (iceberg.Properties, error) {
	lines := s.properties
	if s.catalogFile != "" {
		text, err := os.ReadFile(s.catalogFile)
		if err != nil {
			return nil, fmt.Errorf("read --catalog-config: %w", err)
		}
		lines = append(strings.Split(string(text), "\n"), lines...)
	}
	all := iceberg.Properties{"type": s.catalog}
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok { // the value may be a secret
			return nil, fmt.Errorf("property %d of the catalog has no '=': expected KEY=VALUE", i+1)
		}
		all[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return all, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, crash func(step string)) error {
	s := settings{}
	if err := s.parse(args, stderr); err != nil {
		return err
	}
	if s.version {
		_, err := fmt.Fprintln(stdout, version)
		return err
	}
	bucket, err := s.archive.Open(ctx)
	if err != nil {
		return err
	}
	properties, err := s.catalogProperties()
	if err != nil {
		return err
	}
	c := &committer{
		bucket: bucket, oldest: s.oldest(time.Now()), batch: s.batch, skipMissing: s.skipMissing, crash: crash,
		note: func(format string, args ...any) { _, _ = fmt.Fprintf(stderr, "note: "+format+"\n", args...) },
	}
	if err := c.open(ctx, s.name, properties, s.table, s.location); err != nil {
		return err
	}
	defer c.close()
	done, err := c.sync(ctx)
	if err == nil && c.oldest != "" {
		done.removed, err = c.expire(ctx)
	}
	if err == nil && s.expireSnapshots > 0 {
		done.snapshots, done.files, err = c.expireSnapshots(ctx, time.Now().Add(-s.expireSnapshots))
	}
	_, _ = fmt.Fprintf(stdout, "added %d objects with %d rows in %d snapshots; removed %d entries, %d snapshots, %d metadata files\n",
		done.objects, done.rows, done.commits, done.removed, done.snapshots, done.files)
	return errors.Join(err, done.stopped)
}
