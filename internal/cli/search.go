package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/search"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
)

const searchExample = `  # who read secrets in the last day
  auditsidecar search s3://audit-archive/audit-logs --s3-region eu-central-1 \
    --resource secrets --verb get --verb list --since 24h

  # the exact line of an event
  auditsidecar search ./archive --audit-id 5b0c1f3e-8d7a-4a52-9b11-0a6d3c2f7e90 -o json

  # everything that is refused, as it happens, on the node
  auditsidecar search -f /var/log/kubernetes/audit --code 403`

// selectionFlags are the flags of the verbs that choose lines.
type selectionFlags struct {
	selection search.Selection
	grep      string
}

func (f *selectionFlags) register(flags *pflag.FlagSet) {
	s := &f.selection
	s.Times.Register(flags)
	for _, each := range []struct {
		values      *[]string
		name, usage string
	}{
		{&s.Users, "user", "only lines of this `user`; may be repeated, as all of these"},
		{&s.Verbs, "verb", "only lines with this `verb`, such as delete"},
		{&s.Resources, "resource", "only lines about this `resource`, such as secrets"},
		{&s.Namespaces, "namespace", "only lines about this `namespace`"},
		{&s.Names, "name", "only lines about an object of this `name`"},
		{&s.Codes, "code", "only lines with this response `code`, such as 403"},
		{&s.SourceIPs, "source-ip", "only lines with this source `address`"},
		{&s.AuditIDs, "audit-id", "only lines with this audit `id`"},
	} {
		flags.StringArrayVar(each.values, each.name, nil, each.usage)
	}
	flags.StringVar(&f.grep, "grep", "", "only lines that match this `expression` (RE2); reads all columns")
}

func (f *selectionFlags) validate() error {
	err := f.selection.Times.Validate()
	for _, code := range f.selection.Codes {
		if len(code) != 3 || strings.Trim(code, "0123456789") != "" {
			err = errors.Join(err, fmt.Errorf("--code %q: expected three digits, such as 403", code))
		}
	}
	for i, ip := range f.selection.SourceIPs {
		address, invalid := netip.ParseAddr(ip)
		if invalid != nil {
			err = errors.Join(err, fmt.Errorf("--source-ip %q: expected an address, such as 10.0.0.7 or fd00::7", ip))
		}
		f.selection.SourceIPs[i] = address.String() // as kube-apiserver writes it
	}
	if f.grep != "" {
		expression, invalid := regexp.Compile(f.grep)
		if f.selection.Grep = expression; invalid != nil {
			err = errors.Join(err, fmt.Errorf("--grep: %w", invalid))
		}
	}
	return err
}

// searchFlags are the flags of the verb search.
type searchFlags struct {
	selectionFlags
	s3         config.Archive
	unrecorded bool
	follow     bool
	output     string
}

func newSearchCommand() *cobra.Command {
	var f searchFlags
	cmd := &cobra.Command{
		Use:        "search PATH|URL... [--since TIME]",
		Short:      "Find lines of the audit log, in an archive or in log files",
		SuggestFor: []string{"grep", "find", "query", "logs"},
		Long: `search prints a line for each event that matches all flags: time, user, verb,
resource, object, response code, source addresses. URL is an archive (s3:// or
file://); PATH is one too, or an object, a log file (.log, .log.gz), or a directory
of these. -o json prints the lines as kube-apiserver wrote them, byte for byte,
-o wide adds URI, audit ID and user agent. Control characters are escaped but in
-o json.

Of an archive it reads little: the objects of the time, of these the footers and
filters, then the pages that can have a line. Lines come file by file in the order
of rotation. Objects that no record names are left out, as restore does it, and
are an error at the end. -f prints lines written from now on, or since --since.`,
		Example: searchExample,
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := errors.Join(f.validate(), checkFormat(f.output))
			if f.follow && len(args) > 1 {
				err = errors.Join(err, errors.New("-f follows one log"))
			}
			if err != nil {
				return &usageError{err}
			}
			return f.run(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	f.register(flags)
	f.registerNode(flags)
	flags.BoolVarP(&f.follow, "follow", "f", false, "print lines as they are written to a log file")
	registerUnrecorded(flags, &f.unrecorded)
	registerFormat(flags, &f.output)
	f.s3.RegisterS3(flags)
	return cmd
}

func (f *searchFlags) registerNode(flags *pflag.FlagSet) {
	flags.StringVar(&f.selection.Cluster, "cluster", "", "of an archive: only this `cluster`")
	flags.StringVar(&f.selection.Node, "node", "", "of an archive: only this `node`")
}

func (f *searchFlags) run(ctx context.Context, args []string, stdout, report io.Writer) error {
	form := map[string]search.Form{formatJSON: search.Exact, formatWide: search.Wide}[f.output]
	cfg := search.Config{Selection: f.selection, Form: form, Unrecorded: f.unrecorded, Note: func(text string) {
		_, _ = fmt.Fprintln(report, archive.Printable(text)) // lines are the result
	}}
	var err error
	if f.follow {
		err = search.Follow(ctx, args[0], cfg, stdout)
	} else {
		out := bufio.NewWriterSize(stdout, 64<<10)
		if terminal.Is(stdout) {
			out = bufio.NewWriterSize(stdout, 1<<10)
		}
		for _, arg := range args {
			if err = f.one(ctx, arg, cfg, out); err != nil {
				break
			}
		}
		err = errors.Join(err, out.Flush())
	}
	if errors.Is(err, syscall.EPIPE) {
		return nil // `search ... | head` has seen enough
	}
	return err
}

// one searches an archive or a path.
func (f *searchFlags) one(ctx context.Context, arg string, cfg search.Config, out io.Writer) error {
	if !strings.Contains(arg, "://") {
		info, err := os.Stat(arg)
		if err != nil {
			return fmt.Errorf("search: %w", err)
		}
		if !info.IsDir() || !search.IsArchive(arg) {
			return search.Path(ctx, arg, cfg, out)
		}
	}
	location, err := openLocation(ctx, arg, f.s3)
	if err != nil {
		return err
	}
	return search.Archive(ctx, location.Bucket, cfg, out)
}
