package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/policy"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
	"github.com/auditsidecar/auditsidecar/manifests"
)

func newPolicyCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:        "policy {print|lint}",
		Short:      "Print a good audit policy for kube-apiserver, or check one",
		SuggestFor: []string{"lint"},
		Example: `  # the policy that the alerts and queries expect
  auditsidecar policy print > /etc/kubernetes/audit/audit-policy.yaml

  # is mine as good?
  auditsidecar policy lint /etc/kubernetes/audit/audit-policy.yaml`,
	}, newPolicyPrintCommand(), newPolicyLintCommand())
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
  - which of the shipped alerts get too little to work with

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
