package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/doctor"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/hold"
	"github.com/auditsidecar/auditsidecar/internal/policy"
	"github.com/auditsidecar/auditsidecar/internal/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
	"github.com/auditsidecar/auditsidecar/rotate"
)

const doctorLong = `doctor makes every check that can be made before the sidecar runs, or when it
does not work: how the audit log is mounted and who may link it,
kube-apiserver's flags and audit policy, how long an outage may last, disk, clock,
credentials, archive and Loki. Each check prints its finding and the remedy.
It detects the layout of kubeadm, k3s, RKE2, Talos, kubespray, Cluster API, kOps,
OpenShift and hand-made nodes (docs/layouts.md) and reads kube-apiserver's flags
there. For a hosted control plane give its Deployment as --manifest.

It takes the flags of run, from the same file. Run it on the node, as the user
that the sidecar has (root), with the credentials of the sidecar:

  AWS_SHARED_CREDENTIALS_FILE=/etc/kubernetes/auditsidecar/aws-credentials \
    auditsidecar doctor --config /etc/kubernetes/auditsidecar/config.yaml

It stores one small object, doctor/cluster=CLUSTER/node=NODE/probe.txt, to see
that objects can be stored and not replaced. It exits with 3 if any check is a
warning or an error.`

func newDoctorCommand() *cobra.Command {
	var settings config.Run
	var logs logFlags
	var locations nodePaths
	var output string
	cmd := &cobra.Command{
		Use:        "doctor --config FILE",
		Short:      "Check a control plane node, its kube-apiserver, the archive and Loki",
		SuggestFor: []string{"check", "diagnose", "preflight"},
		Long:       doctorLong,
		Example: `  auditsidecar doctor --config /etc/kubernetes/auditsidecar/config.yaml
  auditsidecar doctor --config config.yaml -o json | jq '.[] | select(.severity != "ok")'`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := prepare(cmd, &logs)
			if errors.Is(err, fs.ErrNotExist) { // nothing else is known
				return &usageError{err}
			}
			if err := errors.Join(err, sidecar.Validate(cmd.Context(), &settings), checkFormat(output)); err != nil {
				return &usageError{err}
			}
			return examine(cmd, &settings, locations, output)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&locations.manifest, "manifest", doctor.AutoManifest, "`path` of kube-apiserver's pod manifest; auto: as the node's layout has it; empty: skip it")
	flags.StringVar(&locations.patches, "patches", "/etc/kubernetes/patches", "`directory` of kubeadm's patches; empty: do not look at it")
	flags.StringVar(&locations.root, "host-root", "/", "`directory` of the host's file system: layout, logrotate; empty: do not look there")
	registerFormat(flags, &output)
	registerRun(flags, &settings, &logs)
	require(flags, "audit-log-path", "archive-url", "cluster")
	return cmd
}

// nodePaths are the files of a node that only doctor looks at.
type nodePaths struct{ manifest, patches, root string }

// examine makes the checks and prints their findings.
func examine(cmd *cobra.Command, settings *config.Run, locations nodePaths, output string) error {
	log, pathErr := rotate.ParsePath(settings.AuditLogPath)
	bucket, bucketErr := settings.Archive.Open(cmd.Context())
	lokiHTTP, lokiErr := settings.Loki.HTTPClient()
	if err := errors.Join(pathErr, bucketErr, lokiErr); err != nil {
		return &usageError{err}
	}
	results := doctor.Run(cmd.Context(), doctor.Config{
		Log: log, StateDir: settings.StatePath(), Copy: settings.Hold == config.HoldCopy,
		Budget:   hold.Budget{MaxBytes: int64(settings.HeldMaxBytes), MinFree: int64(settings.HeldMinFree)},
		Manifest: locations.manifest, Patches: locations.patches, Root: locations.root,
		Bucket: bucket, Cluster: settings.Identity.Cluster, Node: settings.Identity.Node, ArchiveProbe: archiveProbe(settings.Archive),
		Secrets: []doctor.SecretFile{
			{Setting: "AWS_SHARED_CREDENTIALS_FILE", Path: os.Getenv("AWS_SHARED_CREDENTIALS_FILE"), Optional: true},
			{Setting: "--signing-key-file", Path: settings.Proof.SigningKeyFile, Unset: "auditsidecar keygen makes a key (docs/install.md)"},
			{Setting: "--redact-key-file", Path: settings.Redact.KeyFile},
			{Setting: "--apiserver-metrics-token-file", Path: settings.Proof.Server.TokenFile},
			{Setting: "--apiserver-metrics-key-file", Path: settings.Proof.Server.KeyFile},
			{Setting: "--web-config-file", Path: settings.WebConfig},
		},
		Listen:  settings.Listen,
		LokiURL: settings.Loki.URL, LokiTenant: settings.Loki.Tenant, LokiHTTP: lokiHTTP,
		Lint: lintLines, FS: durable.OS(), Now: time.Now,
		Proc: "/proc", ClockSynced: doctor.ClockSynced,
	})
	if err := printResults(cmd.OutOrStdout(), results, output); err != nil {
		return err
	}
	if doctor.Bad(results) {
		return errFindings
	}
	return nil
}

// archiveProbe is an address of the archive whose answer, in any case, has a
// date; empty for a directory.
func archiveProbe(a config.Archive) string {
	switch {
	case !strings.HasPrefix(a.URL, "s3://") || a.Endpoint+a.Region == "":
		return ""
	case a.Endpoint != "":
		return a.Endpoint
	case strings.HasPrefix(a.Region, "cn-"):
		return "https://s3." + a.Region + ".amazonaws.com.cn/"
	}
	return "https://s3." + a.Region + ".amazonaws.com/"
}

// lintLines is `policy lint` for doctor.
func lintLines(data []byte) (lines []string) {
	for _, f := range policy.Lint(data) {
		if f.Severity != policy.SeverityInfo {
			lines = append(lines, fmt.Sprintf("line %d: %s", max(f.Line, 1), f.Message))
		}
	}
	return lines
}

func printResults(w io.Writer, results []doctor.Result, output string) error {
	if output == formatJSON {
		return writeJSON(w, results)
	}
	colours, width := terminal.NewPaint(w), 0
	count := map[doctor.Severity]int{}
	for _, r := range results {
		width = max(width, len(r.ID))
		count[r.Severity]++
	}
	var text strings.Builder
	for _, r := range results {
		severity := colours.Word(string(r.Severity), fmt.Sprintf("%-7s", r.Severity))
		fmt.Fprintf(&text, "%s  %-*s  %s\n", severity, width, r.ID, r.Found)
		if r.Fix != "" && r.Severity != doctor.OK {
			fmt.Fprintf(&text, "%-7s  %-*s  -> %s\n", "", width, "", r.Fix)
		}
	}
	fmt.Fprintf(&text, "ok: %d, info: %d, warning: %d, error: %d\n",
		count[doctor.OK], count[doctor.Info], count[doctor.Warning], count[doctor.Error])
	_, err := io.WriteString(w, text.String())
	return err
}
