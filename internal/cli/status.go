package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/contents"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
	"github.com/auditsidecar/auditsidecar/internal/timerange"
)

const statusExample = `  # on the node
  auditsidecar status

  # all nodes of an archive
  auditsidecar status s3://audit-archive/audit-logs --s3-region eu-central-1

  # in the sidecar's container
  kubectl exec -n kube-system auditsidecar-cp-1 -- /usr/local/bin/auditsidecar status`

// installedConfig is where the manifests mount the configuration.
const installedConfig = "/etc/kubernetes/auditsidecar/config.yaml"

// statusFlags are the flags of the verb status.
type statusFlags struct {
	url, config, output string
	fleet               contents.Options
	since               string // of gaps
	s3                  config.Archive
}

func newStatusCommand() *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use:        "status [--url URL | PATH|URL]",
		Short:      "Ask a running sidecar how it is, or an archive how its nodes are",
		SuggestFor: []string{"health", "state", "ps"},
		Long: `status asks the sidecar on this node and prints its judgement, the faults and
their remedies, and how far each path is. Without --url the address is that of run:
AUDITSIDECAR_LISTEN, or listen in the configuration file, which is --config,
AUDITSIDECAR_CONFIG, or ` + installedConfig + ` if it exists.

It exits with 0 if all is well, with 3 if not, and with 1 if no sidecar answers.
-o json prints the answer as it is; docs/status.md describes it. -o wide adds the
loops.

Of an archive it prints a line for each node, from its last rollups and newest records
alone (verify proves them). It exits with 3 if a node is silent for two heartbeats, or
its log did not arrive. -o wide searches older records for versions.`,
		Example: statusExample,
		Args:    usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(f.output); err != nil {
				return err
			}
			if len(args) > 0 {
				if f.url != "" || f.config != "" {
					return &usageError{fmt.Errorf("status of the archive %s, or of a sidecar by --url or --config: give one of them", args[0])}
				}
				return f.ofFleet(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			address, err := f.address(os.Environ())
			if err != nil {
				return &usageError{err}
			}
			answer, err := askStatus(cmd.Context(), address)
			if err != nil {
				return err
			}
			return f.print(cmd.OutOrStdout(), answer)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", "", "`URL` of the status page; empty: as run listens")
	flags.StringVar(&f.config, config.FileFlag, "", "YAML `file` with the settings of run, for its address")
	flags.StringVar(&f.fleet.Cluster, "cluster", "", "of an archive: only this `cluster`")
	flags.StringVar(&f.fleet.Node, "node", "", "of an archive: only this `node`")
	flags.StringVar(&f.since, "since", "24h", "of an archive: gaps recorded from this `time` on count: "+timerange.Forms)
	registerFormat(flags, &f.output)
	f.s3.RegisterS3(flags)
	return cmd
}

// ofFleet prints the nodes of an archive; the error says whether all is well.
func (f *statusFlags) ofFleet(ctx context.Context, arg string, out, report io.Writer) error {
	now := time.Now().UTC()
	var err error
	if f.fleet.Since, err = timerange.Parse(f.since, now); err != nil || f.fleet.Since.After(now) {
		return &usageError{fmt.Errorf("--since is %q: expected a time that has been: %s", f.since, timerange.Forms)}
	}
	bucket, err := openArchive(ctx, arg, f.s3)
	if err != nil {
		return err
	}
	f.fleet.Note = notes(report)
	nodes, err := contents.Fleet(ctx, bucket, f.fleet, now)
	if err == nil && len(nodes) == 0 {
		err = fmt.Errorf("%s has no record of these flags", arg)
	}
	older := map[string]contents.Setup{}
	if err == nil && f.output == formatWide {
		older, err = contents.Setups(ctx, bucket, f.fleet, false, nil)
	}
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	if f.output == formatJSON {
		err = writeJSON(out, nodes)
	} else {
		err = printFleet(out, nodes, older)
	}
	if err == nil && slices.ContainsFunc(nodes, contents.Member.Fails) {
		return errFindings
	}
	return err
}

func printFleet(out io.Writer, nodes []contents.Member, older map[string]contents.Setup) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "STATE\tCLUSTER\tNODE\tNO RECORD FOR\tREACH\tGAPS\tKUBE-APISERVER\tAUDITSIDECAR") // Flush returns the error
	for _, n := range nodes {
		setup := cmp.Or(n.Setup, older[n.Cluster+"/"+n.Node].Setup, &manifest.Setup{})
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", archive.Printable(n.State), n.Cluster, n.Node, time.Duration(n.Silence)*time.Second,
			shortTime(n.Last), len(n.Gaps), archive.Printable(cmp.Or(setup.Server, "unknown")), archive.Printable(cmp.Or(setup.Sidecar, "unknown")))
	}
	return table.Flush()
}

// address is the URL to ask.
func (f *statusFlags) address(environ []string) (string, error) {
	if f.url != "" {
		u, err := url.Parse(f.url)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			return "", errors.New("--url: expected http://HOST:PORT, without credentials")
		}
		return u.JoinPath("status.json").String(), nil
	}
	var settings config.Run
	var logs logFlags
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	registerRun(flags, &settings, &logs)
	file := f.config
	if _, err := os.Stat(installedConfig); file == "" && err == nil && os.Getenv(config.EnvName(config.FileFlag)) == "" {
		file = installedConfig
	}
	if file != "" {
		if err := flags.Set(config.FileFlag, file); err != nil {
			return "", err
		}
	}
	if _, err := config.Fill(flags, environ); err != nil {
		return "", err
	}
	return (&url.URL{Scheme: "http", Host: settings.Listen, Path: "/status.json"}).String(), nil
}

// statusAnswer has the fields read from the answer. Levels are those of internal/admin.
type statusAnswer struct {
	Level, Headline, Summary, Version, Cluster, Node string

	Now, Started time.Time
	Problems     []struct{ Level, Title, Detail, Hint string }
	Paths        []struct {
		Name, Target string
		Part         statusPart
		Known        bool
		LagSeconds   float64
		LagBytes     float64
	}
	Held struct {
		Files           float64
		BudgetUsedBytes float64
		BudgetMaxBytes  float64
	}
	Parts []statusPart

	raw []byte
}

type statusPart struct{ Name, Level, State, Waiting, LastError string }

const (
	statusTimeout = 10 * time.Second
	maxStatus     = 8 << 20 // bytes of an answer
	levelGood     = "good"
)

// askStatus asks the sidecar at an address.
func askStatus(ctx context.Context, address string) (*statusAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", address, err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, unreachable(address, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxStatus+1))
	switch {
	case err != nil:
		return nil, unreachable(address, err)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("ask %s: it answers %s: %s", address, resp.Status, archive.Printable(firstLine(body)))
	}
	a := &statusAnswer{raw: body}
	if err := json.Unmarshal(body, a); err != nil || a.Headline == "" || len(body) > maxStatus {
		return nil, fmt.Errorf("ask %s: something answers there, but not with a status of auditsidecar; give the address of run --listen as --url", address)
	}
	return a, nil
}

func unreachable(address string, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // it repeats the address
	}
	hint := "is run started with another --listen? Give its address as --url"
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		hint = "no sidecar runs here, or with another --listen: give its address as --url"
	}
	return fmt.Errorf("ask %s: %w; %s", address, err, hint)
}

func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n"))
	return string(line[:min(len(line), 200)])
}

// print prints the answer; the error says whether all is well.
func (f *statusFlags) print(out io.Writer, a *statusAnswer) error {
	var err error
	if f.output == formatJSON {
		_, err = fmt.Fprintf(out, "%s\n", bytes.TrimSpace(a.raw))
	} else {
		_, err = io.WriteString(out, a.text(terminal.NewPaint(out), f.output == formatWide))
	}
	if err == nil && a.Level != levelGood {
		return errFindings
	}
	return err
}

// severity is the word for colours.
func severity(level string) string {
	return map[string]string{"good": "ok", "warn": "warning", "bad": "error"}[level]
}

func (a *statusAnswer) text(paint terminal.Paint, wide bool) string {
	var b strings.Builder
	say := func(format string, args ...any) {
		for i, arg := range args {
			if s, ok := arg.(string); ok {
				args[i] = archive.Printable(s)
			}
		}
		fmt.Fprintf(&b, format, args...)
	}
	b.WriteString(paint.Word(severity(a.Level), archive.Printable(a.Level)))
	say("  %s\n", a.Headline)
	if a.Summary != "" {
		say("%s\n", a.Summary)
	}
	for _, p := range a.Problems {
		b.WriteString("\n" + paint.Word(severity(p.Level), archive.Printable(p.Level)))
		say("  %s\n", p.Title)
		for _, line := range []string{p.Detail, p.Hint} {
			if line != "" {
				say("      %s\n", line)
			}
		}
	}
	b.WriteString("\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, p := range a.Paths {
		behind := "unknown"
		if p.Known {
			behind = fmt.Sprintf("%s, %s behind", (time.Duration(p.LagSeconds) * time.Second).String(), humanize.Bytes(uint64(max(0, p.LagBytes))))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", archive.Printable(p.Name), archive.Printable(p.Part.State), behind, archive.Printable(p.Target))
	}
	if wide {
		for _, p := range a.Parts {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", archive.Printable(p.Name), archive.Printable(p.State), archive.Printable(p.Waiting), archive.Printable(p.LastError))
		}
	}
	fmt.Fprintf(table, "held\t%s\t%s\tof %s\n", english.Plural(int(a.Held.Files), "file", ""), humanize.Bytes(uint64(max(0, a.Held.BudgetUsedBytes))), humanize.Bytes(uint64(max(0, a.Held.BudgetMaxBytes))))
	_ = table.Flush() // into memory
	say("\ncluster %s, node %s, auditsidecar %s, up %s\n", cmp.Or(a.Cluster, "unknown"), cmp.Or(a.Node, "unknown"), a.Version, a.Now.Sub(a.Started).Round(time.Second).String())
	return b.String()
}
