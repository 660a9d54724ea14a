package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/ddl"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
)

const queryExample = `  # which queries there are, and what each has to be given
  auditsidecar query

  # what did this user do? with duckdb on the PATH the answer, else the SQL
  auditsidecar query /srv/audit user-actions --param cluster=production \
    --param day=2026-11-22 --param user=dev-1

  # the same, to paste into Athena
  auditsidecar query user-actions --engine athena --param user=dev-1

  auditsidecar query /srv/audit "SELECT verb, count(*) FROM audit.audit GROUP BY verb"`

// queryFlags are the flags of the verb query.
type queryFlags struct {
	given          []string          // NAME=VALUE
	params         map[string]string // of these
	engine, output string
	tables         ddl.Options
	s3             config.Archive
}

func newQueryCommand() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:        "query [PATH|URL] [NAME|SQL]",
		Short:      "Ask an archive in SQL: run a shipped query by DuckDB, or print it for an engine",
		SuggestFor: []string{"queries", "ask", "select"},
		Long: `query runs a shipped query, or SQL, over the tables of "auditsidecar ddl duckdb" if
duckdb is on the PATH. If it is not, without PATH|URL, or with --engine, it prints the
query, filled in, to paste over the tables of "auditsidecar ddl". Without a name
it lists the queries.

A query has values to replace, such as the cluster and the day. To run it, all of
them are given with --param; a printed one keeps the examples that are not given.

Of a bucket, DuckDB installs its extensions httpfs and aws, and finds credentials as
AWS tools do.`,
		Example: queryExample,
		Args:    usageArgs(cobra.MaximumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := errors.Join(f.parse(), checkFormat(f.output))
			if cmd.Flags().Changed("engine") && !slices.Contains(ddl.Engines(), f.engine) {
				err = errors.Join(err, &usageError{fmt.Errorf("unknown --engine %q: expected one of %s", f.engine, strings.Join(ddl.Engines(), ", "))})
			}
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.given, "param", nil, "value of a query's parameter, as `NAME=VALUE`; may be repeated")
	flags.StringVar(&f.engine, "engine", "", "print the query for this `engine`: "+strings.Join(ddl.Engines(), ", "))
	registerTables(flags, &f.tables)
	registerFormat(flags, &f.output)
	f.s3.RegisterS3(flags)
	return cmd
}

func (f *queryFlags) parse() (err error) {
	f.params = map[string]string{}
	for _, p := range f.given {
		name, value, ok := strings.Cut(p, "=")
		if !ok {
			err = errors.Join(err, &usageError{fmt.Errorf("--param %q: expected NAME=VALUE", p)})
		}
		f.params[name] = value
	}
	return err
}

func (f *queryFlags) run(ctx context.Context, args []string, stdout, report io.Writer) error {
	all, err := ddl.Queries()
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return f.list(all, stdout)
	}
	text, example, err := f.text(all, args[len(args)-1])
	if err != nil {
		return &usageError{err}
	}
	duckdb, missing := "", exec.ErrNotFound
	if f.engine == "" && len(args) == 2 {
		duckdb, missing = exec.LookPath("duckdb")
	}
	if len(args) == 2 {
		f.tables.Location = args[0]
		if err := locate("duckdb", &f.tables); err != nil {
			return err
		}
	}
	if missing == nil && len(example) > 0 {
		return &usageError{fmt.Errorf("query %s: give each value with --param NAME=VALUE: no value for %s", args[1], ddl.Describe(example))}
	}
	if missing == nil {
		return f.ask(ctx, duckdb, text, stdout, report)
	}
	if len(args) == 2 && f.engine == "" {
		_, _ = fmt.Fprintf(report, "note: duckdb is not on the PATH: run this over the tables of 'auditsidecar ddl duckdb --location %s'\n", args[0])
	}
	if len(example) > 0 {
		_, _ = fmt.Fprintf(report, "note: these values are examples: %s; replace them with --param NAME=VALUE\n", ddl.Describe(example))
	}
	_, err = io.WriteString(stdout, text)
	return err
}

// text returns the query of a name, filled in, with the parameters that keep their examples; an argument that
// has a blank is SQL.
func (f *queryFlags) text(all []ddl.Query, name string) (string, []ddl.Param, error) {
	if strings.ContainsAny(name, " \t\n") {
		if len(f.params) > 0 {
			return "", nil, errors.New("--param is for a query with a name, not for SQL")
		}
		return strings.TrimRight(name, "; \t\n") + ";\n", nil, nil
	}
	at := slices.IndexFunc(all, func(q ddl.Query) bool { return q.Is(name) })
	if at < 0 {
		return "", nil, fmt.Errorf("there is no query %q: 'auditsidecar query' lists them", name)
	}
	text, err := all[at].Fill(f.engine, f.tables.Database, f.params)
	return text, all[at].Without(f.params), err
}

func (f *queryFlags) list(all []ddl.Query, stdout io.Writer) error {
	if f.output == formatJSON {
		return writeJSON(stdout, all)
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprint(w, "NAME\tPARAMETERS\tANSWERS") // Flush returns the error
	for _, q := range all {
		var params []string
		for _, p := range q.Params {
			params = append(params, p.Name)
		}
		_, _ = fmt.Fprintf(w, "\n%s-%s\t%s\t%s", q.Number, q.Name, strings.Join(params, " "), q.Answers)
	}
	_, _ = fmt.Fprintln(w)
	return w.Flush()
}

// ask has DuckDB make the tables, in memory, and answer.
func (f *queryFlags) ask(ctx context.Context, duckdb, text string, stdout, report io.Writer) error {
	script, err := ddl.Render("duckdb", f.tables)
	if err != nil {
		return &usageError{err}
	}
	form, shape := "-json", ""
	to := io.Writer(escaping{stdout})
	if f.output != formatJSON {
		form, to = "-table", printed{stdout}
		if width := terminal.Width(stdout); width > 0 && f.output != formatWide {
			form, shape = "-batch", fmt.Sprintf(".maxrows %d\n.maxwidth %d\n", mostRows, width)
		}
	}
	cmd := exec.CommandContext(ctx, duckdb, "-init", os.DevNull, "-bail", form) //nolint:gosec // the program that the caller names
	cmd.Stdin, cmd.Stderr = strings.NewReader(shape+f.secret()+script+text), report
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("query: start DuckDB: %w", err)
	}
	lines := bufio.NewReader(out)
	for err == nil {
		var line string
		if line, err = lines.ReadString('\n'); line != "" {
			_, failed := io.WriteString(to, line)
			err = cmp.Or(failed, err)
		}
	}
	_, _ = io.Copy(io.Discard, out) // it would wait for a reader
	if failed := cmd.Wait(); failed != nil {
		return fmt.Errorf("query: DuckDB did not answer: %w", failed)
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("query: %w", err)
	}
	return nil
}

// mostRows bounds the rows that a table on a terminal shows; it says how many there are.
const mostRows = 10_000

// printed escapes control characters in a line.
type printed struct{ io.Writer }

// Write implements [io.Writer].
func (p printed) Write(line []byte) (int, error) {
	_, err := io.WriteString(p.Writer, archive.Printable(strings.TrimSuffix(string(line), "\n"))+"\n")
	return len(line), err
}

// secret are the statements that have DuckDB read a bucket.
func (f *queryFlags) secret() string {
	if !strings.HasPrefix(f.tables.Location, "s3://") {
		return ""
	}
	options := "TYPE s3, PROVIDER credential_chain"
	add := func(name, value string) {
		if value != "" {
			options += ", " + name + " '" + strings.ReplaceAll(value, "'", "''") + "'"
		}
	}
	add("REGION", f.s3.Region)
	if scheme, host, ok := strings.Cut(f.s3.Endpoint, "://"); ok {
		add("ENDPOINT", strings.TrimRight(host, "/"))
		options += fmt.Sprintf(", USE_SSL %v", scheme == "https")
	}
	if f.s3.PathStyle {
		add("URL_STYLE", "path")
	}
	return "INSTALL httpfs; LOAD httpfs; INSTALL aws; LOAD aws;\n" +
		".once " + os.DevNull + "\n" + // it answers, before the query does
		"CREATE SECRET (" + options + ");\n"
}
