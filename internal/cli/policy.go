package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/advise"
	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/contents"
	"github.com/auditsidecar/auditsidecar/internal/policy"
	"github.com/auditsidecar/auditsidecar/internal/search"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
	"github.com/auditsidecar/auditsidecar/manifests"
)

func newPolicyCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:        "policy {print|lint|advise}",
		Short:      "Print a good audit policy for kube-apiserver, check one, or compute its cost",
		SuggestFor: []string{"lint"},
		Example: `  # the policy that the alerts and queries expect
  auditsidecar policy print > /etc/kubernetes/audit/audit-policy.yaml

  # is mine as good?
  auditsidecar policy lint /etc/kubernetes/audit/audit-policy.yaml

  # the cost of each of its rules
  auditsidecar policy advise s3://audit-archive/audit-logs --s3-region eu-central-1`,
	}, newPolicyPrintCommand(), newPolicyLintCommand(), newPolicyAdviseCommand())
}

func newPolicyPrintCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "print",
		Short:   "Print the audit policy that is shipped",
		Example: "  auditsidecar policy print > /etc/kubernetes/audit/audit-policy.yaml",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(manifests.AuditPolicy())
			return err
		},
	}
}

const policyLintLong = `lint reads audit policies (audit.k8s.io/v1) and says, with file and line,

  - parts that kube-apiserver would refuse, and those it would ignore in silence
  - rules, and parts of rules, that never apply because of rules before them
  - values of secrets and tokens that get into the log
  - exec, attach, port forwarding and the like that are not logged
  - stages, managedFields and requests that only make the log larger
  - which of the shipped alerts and queries get too little to work with

"-" is standard input. It exits with 3 if any finding is an error or a warning.`

func newPolicyLintCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "lint FILE...",
		Short: "Find mistakes in audit policies",
		Long:  policyLintLong,
		Example: `  auditsidecar policy lint /etc/kubernetes/audit/audit-policy.yaml
  auditsidecar policy lint -o json *.yaml`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(output); err != nil {
				return err
			}
			return lintPolicies(cmd, args, output)
		},
	}
	registerFormat(cmd.Flags(), &output)
	return cmd
}

// lintedFile has the findings of one file.
type lintedFile struct {
	File     string           `json:"file"`
	Findings []policy.Finding `json:"findings"`
}

func lintPolicies(cmd *cobra.Command, files []string, output string) error {
	linted := []lintedFile{}
	var errs []error
	bad := false
	for _, file := range files {
		data, err := readSmallFile(cmd.InOrStdin(), file)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found := policy.Lint(data)
		bad = bad || policy.Bad(found)
		linted = append(linted, lintedFile{file, append([]policy.Finding{}, found...)})
	}
	if err := printLinted(cmd.OutOrStdout(), linted, output); err != nil {
		return err
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if bad {
		return errFindings
	}
	return nil
}

// maxSmallFile is more than [policy.Parse] takes.
const maxSmallFile = 2 << 20

// readSmallFile reads a file that a person wrote; "-" is standard input.
func readSmallFile(stdin io.Reader, file string) ([]byte, error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("read the file: %w", err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxSmallFile))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return data, nil
}

func printLinted(w io.Writer, linted []lintedFile, output string) error {
	if output == formatJSON {
		return writeJSON(w, linted)
	}
	colours := terminal.NewPaint(w)
	var text strings.Builder
	for _, l := range linted {
		for _, f := range l.Findings {
			severity := colours.Word(string(f.Severity), string(f.Severity))
			fmt.Fprintf(&text, "%s:%d: %s: %s [%s]\n\t%s\n", l.File, max(f.Line, 1), severity, f.Message, f.ID, f.Fix)
		}
		if len(l.Findings) == 0 {
			fmt.Fprintf(&text, "%s: nothing found\n", l.File)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

const adviseExample = `  # the cost of each rule, and savings
  auditsidecar policy advise s3://audit-archive/audit-logs --s3-region eu-central-1 --since 24h

  # the log that another policy would have written, and the alerts that it would blind
  auditsidecar policy advise /var/log/kubernetes/audit --policy now.yaml --candidate smaller.yaml \
    --price-loki 0.5 --price-archive 0.28`

const adviseLong = `advise adds up the events of a log by the rule of the audit policy that logged
them: events, bytes, the users and resources with most of them. It proposes rules
that save bytes, those without loss of evidence first, each with its saving. SOURCE is an
archive, an object, a log file or a directory of these, as for search.

--policy is the policy that wrote the log; of an archive with records it is the one
that they have. --candidate is another policy: advise predicts the log that it would
have written, and says which alerts and queries it would blind and which secrets it
stops logging. Events that are not in the log are not known, so a candidate that logs
more than today costs more than is predicted.

Prices are for a GB (1e9 bytes), in your currency, and give a cost a month at the
rate of the log: --price-loki of a GB ingested, --price-archive of a GB archived, for all the
time that it is kept. --archive-ratio is how many bytes the
archive has for each byte of the log; it differs by rule, and this is one for all.`

// adviseFlags are the flags of policy advise.
type adviseFlags struct {
	search            searchFlags
	policy, candidate string
	prices            advise.Prices
}

func newPolicyAdviseCommand() *cobra.Command {
	var f adviseFlags
	cmd := &cobra.Command{
		Use:        "advise SOURCE... [--policy FILE] [--candidate FILE]",
		Short:      "Compute the cost of an audit policy, rule by rule, and propose savings",
		SuggestFor: []string{"cost", "advice", "size"},
		Long:       adviseLong,
		Example:    adviseExample,
		Args:       usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := errors.Join(f.search.selection.Times.Validate(), checkFormat(f.search.output))
			if p := f.prices; p.Loki < 0 || p.Archive < 0 || p.Ratio <= 0 {
				err = errors.Join(err, errors.New("prices are not negative, and --archive-ratio is above 0"))
			}
			if err != nil {
				return &usageError{err}
			}
			return f.run(cmd.Context(), args, cmd)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.policy, "policy", "", "the policy that wrote the log: a `file`, - for standard input; empty: that of the archive's records")
	flags.StringVar(&f.candidate, "candidate", "", "a `file` with another policy, to be compared")
	f.search.registerNode(flags)
	flags.Float64Var(&f.prices.Loki, "price-loki", 0, "`price` of a GB that Loki ingests")
	flags.Float64Var(&f.prices.Archive, "price-archive", 0, "`price` of a GB in the archive, for as long as it is kept")
	flags.Float64Var(&f.prices.Ratio, "archive-ratio", 0.085, "archived bytes for each byte of the log")
	f.search.selection.Times.Register(flags)
	registerUnrecorded(flags, &f.search.unrecorded)
	registerFormat(flags, &f.search.output)
	f.search.s3.RegisterS3(flags)
	return cmd
}

// advice is the answer of -o json.
type advice struct {
	*advise.Report
	Compared *policy.Comparison `json:"findings,omitempty"`
}

func (f *adviseFlags) run(ctx context.Context, args []string, cmd *cobra.Command) error {
	stdout, report := cmd.OutOrStdout(), cmd.ErrOrStderr()
	note := func(text string) { _, _ = fmt.Fprintln(report, archive.Printable(text)) } // lines are the result
	text, err := f.current(ctx, args, cmd.InOrStdin(), note)
	if err != nil {
		return err
	}
	now, err := parsePolicy("the policy of the log", text)
	if err != nil {
		return err
	}
	advisor := advise.New(now)
	var compared *policy.Comparison
	if f.candidate != "" {
		other, err := readSmallFile(cmd.InOrStdin(), f.candidate)
		if err != nil {
			return err
		}
		if advisor.Candidate, err = parsePolicy(f.candidate, other); err != nil {
			return err
		}
		compared = policy.Compare(policy.Lint(text), policy.Lint(other))
	}
	lines := &search.Lines{Do: func(l search.Line) error {
		advisor.Add(l.Event, l.Bytes, l.Time)
		return nil
	}}
	cfg := search.Config{Selection: f.search.selection, Form: search.Exact, Unrecorded: f.search.unrecorded, Note: note}
	for _, arg := range args {
		if err := f.search.one(ctx, arg, cfg, lines); err != nil {
			return err
		}
	}
	if err := lines.End(); err != nil {
		return err
	}
	r := advisor.Report()
	if r.Events == 0 {
		return errors.New("policy advise: no event of these flags: see --since, --from, --to")
	}
	if f.search.output == formatJSON {
		return writeJSON(stdout, advice{r, compared})
	}
	err = r.Write(stdout, f.prices)
	if compared != nil {
		err = errors.Join(err, compared.Write(stdout))
	}
	return err
}

// current returns the policy that wrote the log.
func (f *adviseFlags) current(ctx context.Context, args []string, stdin io.Reader, note func(string)) ([]byte, error) {
	if f.policy != "" {
		return readSmallFile(stdin, f.policy)
	}
	found := make(map[string]string) // nodes by policy
	for _, arg := range args {
		location, err := openLocation(ctx, arg, f.search.s3)
		if err != nil {
			return nil, err
		}
		policies, err := contents.Setups(ctx, location.Bucket, contents.Options{Cluster: f.search.selection.Cluster, Node: f.search.selection.Node, Note: note}, true, nil)
		if err != nil {
			return nil, err
		}
		for node, p := range policies {
			found[p.Policy.Text] += " " + node
		}
	}
	switch len(found) {
	case 0:
		return nil, &usageError{fmt.Errorf("%s: no record has an audit policy: give the policy that wrote the log with --policy", strings.Join(args, " "))}
	case 1:
		for text, nodes := range found {
			if text == "" {
				return nil, &usageError{fmt.Errorf("the records of%s have the policy's hash only, because it is too long: give it with --policy", nodes)}
			}
			note("policy: that of the newest records of" + nodes)
			return []byte(text), nil
		}
	}
	return nil, &usageError{fmt.Errorf("the nodes have %d policies (%s): choose one with --cluster and --node, or give --policy",
		len(found), strings.Join(slices.Sorted(maps.Values(found)), ";"))}
}

func parsePolicy(name string, text []byte) (*policy.Policy, error) {
	p, findings, usable := policy.Parse(text)
	if usable {
		return &p, nil
	}
	for _, f := range findings {
		if f.Severity == policy.SeverityError {
			return nil, fmt.Errorf("%s:%d: kube-apiserver would refuse it: %s; see auditsidecar policy lint", name, f.Line, f.Message)
		}
	}
	return nil, fmt.Errorf("%s: kube-apiserver would refuse it; see auditsidecar policy lint", name)
}
