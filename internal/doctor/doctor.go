package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/hold"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// Severity is how bad a result is.
type Severity string

// The severities, from good to bad.
const (
	OK      Severity = "ok"
	Info    Severity = "info"    // could not be found out, or worth knowing
	Warning Severity = "warning" // works until something else goes wrong
	Error   Severity = "error"   // does not work, or loses lines
)

// Result is the result of one check.
type Result struct {
	ID       string   `json:"id"` // of the check, stable
	Severity Severity `json:"severity"`
	Found    string   `json:"found"`
	Fix      string   `json:"fix,omitempty"` // what to do; empty where nothing is
}

// Bad says whether any result is a warning or an error.
func Bad(results []Result) bool {
	return slices.ContainsFunc(results, func(r Result) bool { return r.Severity == Warning || r.Severity == Error })
}

// Config is the node that is checked. Only Log is required: checks of parts that are
// missing are left out. Its fields are the subjects of the checks; each check uses a
// few.
type Config struct {
	Log      rotate.Log
	StateDir string // where run keeps its state
	Copy     bool   // --hold=copy
	Budget   hold.Budget

	Manifest string // path of kube-apiserver's static pod manifest, or AutoManifest; empty: none
	Patches  string // kubeadm's patches directory; empty: none

	Bucket  *archive.Bucket
	Cluster string
	Node    string
	// ArchiveProbe is a URL at the archive whose answer has a Date header.
	ArchiveProbe string

	Secrets []SecretFile

	Listen string // where a sidecar that runs answers; empty: do not ask

	LokiURL    string
	LokiTenant string
	LokiHTTP   *http.Client // with TLS and credentials

	// Lint returns the faults of an audit policy, one line for each finding
	// that is more than information.
	Lint func(policy []byte) []string

	FS  durable.FS
	Now func() time.Time
	// Root is the root of the host's file system, which says the layout and has /etc/logrotate.d; empty: do not look there.
	Root string
	// Proc is the proc file system, /proc.
	Proc string
	// ClockSynced says whether the kernel's clock is kept by NTP.
	ClockSynced func() (bool, error)

	layout   layout
	pod      *staticPod // of Manifest, or made of flags; nil if it cannot be read
	settings *staticPod // made of the flags of the next start; nil without
	mounts   mounts     // nil if they cannot be read
}

// checks are all checks, in the order in which their mistakes should be mended. Results without an
// ID of their own get the check's.
var checks = []struct {
	id   string
	make func(context.Context, *Config) []Result
}{
	{"layout", checkLayout},     // the next reads the manifest that it names
	{"manifest", checkManifest}, // the others use its pod
	{"sidecar", checkSidecar},
	{"patches", checkPatches},
	{"audit-flags", checkAuditFlags},
	{"log-mount", checkMounted},
	{"policy", checkPolicy},
	{"audit-dir", checkAuditDir},
	{"unknown-files", checkUnknown},
	{"other-logs", checkOtherLogs},
	{"user", checkUser},
	{"logrotate", checkLogrotate},
	{"mount", checkMount}, // the next uses its mounts
	{"filesystem", checkFileSystem},
	{"hold", checkHold},
	{"inotify", checkInotify},
	{"rotation", checkRotation},
	{"disk", checkDisk},
	{"clock", checkClock},
	{"clock-skew", checkSkew},
	{"secret-file", checkSecretFiles},
	{"archive", checkArchive},
	{"loki", checkLoki},
	{"running", checkRunning},
}

// Run makes all checks.
func Run(ctx context.Context, cfg Config) (results []Result) {
	for _, c := range checks {
		for _, r := range c.make(ctx, &cfg) {
			r.ID = cmp.Or(r.ID, c.id)
			results = append(results, r)
		}
	}
	return results
}

// finding is a result and whether it is one of this node.
type finding struct {
	holds bool
	Result
}

// every returns the results of the findings that hold.
func every(findings ...finding) (all []Result) {
	for _, f := range findings {
		if f.holds {
			all = append(all, f.Result)
		}
	}
	return all
}

// first returns the result of the first finding that holds.
func first(findings ...finding) []Result {
	all := every(findings...)
	return all[:min(len(all), 1)]
}

func result(severity Severity, fix, found string, args ...any) Result {
	return Result{Severity: severity, Found: fmt.Sprintf(found, args...), Fix: fix}
}

// of gives a result an ID that is not its check's.
func (r Result) of(id string) Result {
	r.ID = id
	return r
}

func one(severity Severity, fix, found string, args ...any) []Result {
	return []Result{result(severity, fix, found, args...)}
}
