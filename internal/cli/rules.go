package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/detect"
	"github.com/auditsidecar/auditsidecar/manifests"
)

func newRulesCommand(now func() time.Time) *cobra.Command {
	return group(&cobra.Command{
		Use:        "rules {print|check}",
		Short:      "Print the detections as alerting rules or SQL, or check an allow list",
		SuggestFor: []string{"alerts", "detections"},
		Example: `  # for Loki's ruler, with links to Grafana and without ordinary accounts of this cluster
  auditsidecar rules print --grafana https://grafana.example.org --allow allow.yaml > rules.yaml

  # does each exception still hold?
  auditsidecar rules check allow.yaml`,
	}, newRulesPrintCommand(now), newRulesCheckCommand(now))
}

const rulesPrintLong = `print writes the detections over the audit log in the form of

  loki            a file of Loki's ruler, also for lokitool and mimirtool
  prometheusrule  a PrometheusRule, which Alloy loads into Loki
  alertingrule    an AlertingRule of the Loki operator
  configmap       a ConfigMap for the rules sidecar of Loki's Helm chart
  sql             queries over the archive, on the tables of "auditsidecar ddl"
  sigma           rules of Sigma, for sigma-cli with manifests/sigma

docs/detections.md explains each, and the form of the allow list.`

// The forms that are no file of rules for a ruler.
const (
	formSQL   = "sql"
	formSigma = "sigma"
)

func newRulesPrintCommand(now func() time.Time) *cobra.Command {
	var form, engine, allow string
	var o detect.Options
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print the detections that are shipped",
		Long:  rulesPrintLong,
		Example: `  auditsidecar rules print > /etc/loki/rules/fake/rules.yaml
  auditsidecar rules print --format configmap | kubectl apply --server-side -n monitoring -f -
  auditsidecar rules print --format sql --engine trino > hunt.sql`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(append(detect.Forms(), formSQL, formSigma), form) {
				return &usageError{fmt.Errorf("unknown --format %q: expected %s, sql or sigma", form, strings.Join(detect.Forms(), ", "))}
			}
			source, err := detections()
			if err != nil {
				return err
			}
			if allow != "" {
				if o.Allow, err = readAllow(cmd.InOrStdin(), allow, source, now()); err != nil {
					return err
				}
			}
			print := func() (string, error) { return source.Print(form, o) }
			switch form {
			case formSQL:
				print = func() (string, error) { return source.SQL(engine, o.Allow) }
			case formSigma:
				print = func() (string, error) { return source.Sigma(o.Allow) }
			}
			text, err := print()
			if err != nil {
				return &usageError{err}
			}
			_, err = io.WriteString(cmd.OutOrStdout(), text)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&form, "format", "loki", "`form`: "+strings.Join(detect.Forms(), ", ")+", sql or sigma")
	flags.StringVar(&engine, "engine", detect.EngineDuckDB, "SQL `engine`: duckdb or trino (also for Athena)")
	flags.StringVar(&o.Job, "job", detect.DefaultJob, "label job of the streams")
	flags.StringVar(&o.Grafana, "grafana", "", "`URL` of Grafana, for links to the lines and to the dashboard")
	flags.StringVar(&allow, "allow", "", "allow list, a YAML `file`; - is standard input")
	return cmd
}

func newRulesCheckCommand(now func() time.Time) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Check allow lists: entries that expired, unknown alerts, missing reasons",
		Long: `check reads allow lists for the detections and names each entry that has expired,
has no reason, would switch an alert off for everybody, or names an alert that is
not there. "-" is standard input. It exits with 3 if there is any.`,
		Example: "  auditsidecar rules check allow.yaml",
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := detections()
			if err != nil {
				return err
			}
			var text strings.Builder
			bad := false
			for _, file := range args {
				content, err := readSmallFile(cmd.InOrStdin(), file)
				if err != nil {
					return err
				}
				list, err := detect.ParseAllow(file, content, source, now())
				if err != nil {
					bad = true
					fmt.Fprintln(&text, err)
					continue
				}
				fmt.Fprintf(&text, "%s: %d entries hold, the first to expire on %s\n", file, len(list), list.FirstUntil())
			}
			if _, err := io.WriteString(cmd.OutOrStdout(), text.String()); err != nil {
				return err
			}
			if bad {
				return errFindings
			}
			return nil
		},
	}
}

func detections() (detect.Source, error) {
	dir, err := manifests.Detections()
	if err != nil {
		return detect.Source{}, fmt.Errorf("open the detections: %w", err)
	}
	return detect.Read(dir)
}

func readAllow(stdin io.Reader, file string, source detect.Source, now time.Time) (detect.Allow, error) {
	content, err := readSmallFile(stdin, file)
	if err != nil {
		return nil, err
	}
	return detect.ParseAllow(file, content, source, now)
}
