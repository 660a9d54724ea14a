package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// Run has the settings of the verb run. Its fields are the flags, one each or a
// group of them.
type Run struct {
	// AuditLogPath is kube-apiserver's own --audit-log-path.
	AuditLogPath string
	// Archive says where the objects go.
	Archive Archive
	// Loki says where the lines go.
	Loki Loki
	// Proof configures the proof by the archive's records.
	Proof Proof
	// Identity names this log among others.
	Identity Identity
	// Listen is the address of /metrics, /livez, /readyz and the status page,
	// for the node itself.
	Listen string
	// ListenHosts are names that may be asked for there.
	ListenHosts []string
	// ListenTLS is the same for others, as WebConfig says; empty: nowhere.
	ListenTLS string
	// WebConfig is a file with the certificate and with who may ask.
	WebConfig string
	// AdminPprof serves Go's profiles there.
	AdminPprof bool
	// Once archives finished files, streams to the end and stops.
	Once bool
	// Hold says how files are kept that a sink still needs.
	Hold string
	// StateDir is the state directory; empty: one in the audit directory.
	StateDir string
	// Landlock says whether the process gives up rights by Landlock.
	Landlock string
	// HeldMaxBytes bounds the disk that held files may use; 0: a tenth of it.
	HeldMaxBytes Bytes
	// HeldMinFree is the free space below which held files are given up; 0:
	// a fiftieth of the disk.
	HeldMinFree Bytes
	// RescanInterval is how often the directory is listed whatever inotify says.
	RescanInterval time.Duration
	// ArchiveMaxLag is how long a line of the open file may be without a copy
	// in the archive, and many bytes a quarter of it; 0: until the file is rotated.
	ArchiveMaxLag time.Duration
	// SilenceAfter is how long no line may arrive, if kube-apiserver's counter does not
	// say why, before that is worth a warning.
	SilenceAfter time.Duration
	// Redact selects the values to replace in lines before they leave the node.
	Redact Redact
	// ShutdownTimeout bounds the drain after SIGTERM.
	ShutdownTimeout time.Duration
}

// StateDirName is the name of the state directory in the audit directory: there,
// because a hard link cannot cross mounts. Only copies can be elsewhere.
const StateDirName = ".auditsidecar"

// StatePath returns the path of the state directory.
func (r *Run) StatePath() string {
	return cmp.Or(r.StateDir, filepath.Join(filepath.Dir(r.AuditLogPath), StateDirName))
}

// Register declares the flags, with their defaults, on flags.
func (r *Run) Register(flags *pflag.FlagSet) {
	flags.StringVar(&r.AuditLogPath, "audit-log-path", "", "the `path` that kube-apiserver has as --audit-log-path")
	flags.StringVar(&r.Listen, "listen", "127.0.0.1:9464", "loopback `address` of the status page, /metrics, /livez and /readyz")
	flags.StringSliceVar(&r.ListenHosts, "listen-host", nil, "`name` that may be asked for on --listen, besides localhost and addresses; may be repeated")
	flags.StringVar(&r.ListenTLS, "listen-tls", "", "`address` of the same for other machines, such as 10.0.0.7:9465, with TLS and accounts or client certificates as --web-config-file says; empty: not at all")
	flags.StringVar(&r.WebConfig, "web-config-file", "", "YAML `file` for --listen-tls, in the form of Prometheus' exporters: tls_server_config, basic_auth_users")
	flags.BoolVar(&r.AdminPprof, "admin-pprof", false, "serve Go's profiles under /debug/pprof/")
	flags.BoolVar(&r.Once, "once", false, "archive the finished files, stream to the end, then exit")
	flags.DurationVar(&r.RescanInterval, "rescan-interval", 5*time.Second, "how often the directory is listed whatever inotify says")
	flags.DurationVar(&r.ArchiveMaxLag, "archive-max-lag", time.Hour, "longest time that lines of the open file have no copy in the archive, 256 KiB a quarter of it; 0: rotation")
	flags.DurationVar(&r.SilenceAfter, "silence-after", 10*time.Minute, "longest time without a line before a warning, if kube-apiserver's counter does not explain it")
	flags.DurationVar(&r.ShutdownTimeout, "shutdown-timeout", 20*time.Second, "longest time to drain after SIGTERM; keep it below terminationGracePeriodSeconds")
	RegisterWord(flags, &r.Hold, "hold", "", "how files are kept until the sinks have them, %s: hard links in the audit directory's own mount, or copies where they cannot be linked; a copy is made of finished files only and takes disk from the start")
	flags.StringVar(&r.StateDir, "state-dir", "", "`directory` of the sidecar's state, with --hold=copy only; empty: .auditsidecar in the audit directory")
	RegisterWord(flags, &r.Landlock, "landlock", "", "%s; auto gives up the right to change any file but state, archive, temporary files and ~/.aws, if the kernel has Landlock")
	flags.Var(&r.HeldMaxBytes, "held-max-bytes", "most disk that files may use which kube-apiserver has pruned and a sink still needs, such as 5GiB; 0: 10 % of the file system, at most 20GiB")
	flags.Var(&r.HeldMinFree, "held-min-free", "free space below which such files are given up; 0: 2 % of the file system, at most 1GiB")
	r.Redact.Register(flags)
	r.Archive.Register(flags)
	r.Proof.Register(flags)
	r.Loki.Register(flags)
	r.Identity.Register(flags)
}

// Validate returns every mistake in the settings at once, each naming the
// flag and the remedy.
func (r *Run) Validate() error {
	return errors.Join(
		required("audit-log-path", r.AuditLogPath, "give the path that kube-apiserver has as --audit-log-path"),
		r.Archive.validate(),
		r.Proof.Validate(),
		r.Loki.Validate(),
		r.Identity.Validate(),
		OneOf("hold", r.Hold),
		r.validateStateDir(),
		OneOf("landlock", r.Landlock),
		r.Redact.Validate(),
		validateListen(r.Listen),
		r.validateListenTLS(),
		atLeast("rescan-interval", r.RescanInterval, 100*time.Millisecond),
		zeroOrAtLeast("archive-max-lag", r.ArchiveMaxLag, time.Second),
		atLeast("silence-after", r.SilenceAfter, time.Second),
		atLeast("shutdown-timeout", r.ShutdownTimeout, time.Second),
	)
}

func (r *Run) validateStateDir() error {
	if r.StateDir != "" && r.Hold == HoldLink {
		return fmt.Errorf("--state-dir %q: hard links need the state inside the audit directory; leave the flag out or add --hold=copy", r.StateDir)
	}
	return nil
}

// Identity names a log among all logs of an archive.
type Identity struct {
	Cluster string
	Node    string
}

// Register declares the flags --cluster and --node on flags.
func (i *Identity) Register(flags *pflag.FlagSet) {
	host, _ := os.Hostname()
	flags.StringVar(&i.Cluster, "cluster", "", "`name` of the cluster, in object keys and labels")
	flags.StringVar(&i.Node, "node", host, "`name` of this node, in object keys and labels")
}

// Validate checks both names against the limits of object keys and labels.
func (i *Identity) Validate() error {
	return errors.Join(validName("cluster", i.Cluster), validName("node", i.Node))
}

func validName(flag, value string) error {
	if value == "" {
		return fmt.Errorf("--%s is required", flag)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9._-]{1,63}$`).MatchString(value) {
		return fmt.Errorf("--%s %q: only letters, digits, '.', '_' and '-', at most 63 of them", flag, value)
	}
	return nil
}

func required(flag, value, remedy string) error {
	if value == "" {
		return fmt.Errorf("--%s is required: %s", flag, remedy)
	}
	return nil
}

func atLeast[T cmp.Ordered](flag string, value, least T) error {
	if value < least {
		return fmt.Errorf("--%s %v: must be at least %v", flag, value, least)
	}
	return nil
}

func zeroOrAtLeast(flag string, d, least time.Duration) error {
	if d != 0 && d < least {
		return fmt.Errorf("--%s %s: must be at least %s, or 0", flag, d, least)
	}
	return nil
}

// validURL checks an address of the form http://HOST... or https://HOST... It
// never shows the address before it is known that there is no password in it.
func validURL(flag, raw, form, credentials string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return fmt.Errorf("--%s is no URL: expected %s", flag, form)
	case u.User != nil:
		return fmt.Errorf("--%s: credentials do not belong in a URL, where logs and process lists show them; use %s", flag, credentials)
	case (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		return fmt.Errorf("--%s %q: expected %s", flag, raw, form)
	}
	return nil
}

// validateListen refuses an address that others on the network could reach:
// the sidecar runs in the host's network, and every process there may ask.
func validateListen(address string) error {
	host, err := splitAddress("listen", address, "127.0.0.1:9464")
	if err != nil {
		return err
	}
	ip := net.ParseIP(host)
	if !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--listen %q: only loopback addresses, such as 127.0.0.1:9464; for other machines there is --listen-tls", address)
	}
	return nil
}

func (r *Run) validateListenTLS() error {
	switch {
	case r.ListenTLS == "" && r.WebConfig == "":
		return nil
	case r.ListenTLS == "":
		return errors.New("--web-config-file is for --listen-tls, which is missing")
	case r.WebConfig == "":
		return errors.New("--listen-tls needs --web-config-file, with a certificate and with who may ask")
	}
	_, err := splitAddress("listen-tls", r.ListenTLS, "10.0.0.7:9465")
	return err
}

func splitAddress(flag, address, example string) (host string, err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("--%s %q: expected HOST:PORT, such as %s", flag, address, example)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("--%s %q: the port must be a number from 0 to 65535", flag, address)
	}
	return host, nil
}
