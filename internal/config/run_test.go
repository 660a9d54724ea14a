package config

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// valid is a Run as small as it can be, with the defaults of its flags.
func valid() *Run {
	var r Run
	r.Register(pflag.NewFlagSet("run", pflag.ContinueOnError))
	r.AuditLogPath, r.Archive.URL = "/audit/audit.log", "file:///archive"
	r.Identity = Identity{Cluster: "c", Node: "n"}
	return &r
}

func TestDefaultsAreValid(t *testing.T) {
	if err := valid().Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	long := strings.Repeat("a", 63)
	setCluster := func(r *Run, s string) { r.Identity.Cluster = s }
	setListen := func(r *Run, s string) { r.Listen = s }
	setTLS := func(r *Run, s string) { r.ListenTLS, r.WebConfig = s, "web.yml" }
	validate(t, []mistake{
		{"audit-log-path", func(r *Run, s string) { r.AuditLogPath = s }, "", "kube-apiserver has"},
		{"archive-url", func(r *Run, s string) { r.Archive.URL = s }, "", "s3://bucket/prefix or file:///dir"},
		{"cluster", setCluster, "", "required"},
		{"cluster", setCluster, "Prod_eu-1.a", ""},
		{"cluster", setCluster, long, ""},
		{"cluster", setCluster, long + "a", "at most 63"},
		{"cluster", setCluster, "a b", "only letters"},
		{"cluster", setCluster, "a/b", "only letters"},
		{"cluster", setCluster, "a\n", "only letters"},
		{"cluster", setCluster, "größe", "only letters"},
		{"node", func(r *Run, s string) { r.Identity.Node = s }, "", "required"},
		{"node", func(r *Run, s string) { r.Identity.Node = s }, "a=b", "only letters"},
		{"rescan-interval", func(r *Run, s string) { r.RescanInterval = duration(t, s) }, "1ns", "at least 100ms"},
		{"archive-max-lag", func(r *Run, s string) { r.ArchiveMaxLag = duration(t, s) }, "0s", ""},
		{"archive-max-lag", func(r *Run, s string) { r.ArchiveMaxLag = duration(t, s) }, "1ns", "at least 1s, or 0"},
		{"shutdown-timeout", func(r *Run, s string) { r.ShutdownTimeout = duration(t, s) }, "999ms", "at least 1s"},
		{"landlock", func(r *Run, s string) { r.Landlock = s }, "off", ""},
		{"landlock", func(r *Run, s string) { r.Landlock = s }, "on", "expected auto or off"},
		{"listen", setListen, "127.0.0.1:0", ""},
		{"listen", setListen, "127.0.0.2:65535", ""},
		{"listen", setListen, "[::1]:9464", ""},
		{"listen", setListen, "LocalHost:9464", ""},
		{"listen", setListen, "", "expected HOST:PORT"},
		{"listen", setListen, "9464", "expected HOST:PORT"},
		{"listen", setListen, ":9464", "only loopback"},
		{"listen", setListen, "0.0.0.0:9464", "only loopback"},
		{"listen", setListen, "[::]:9464", "only loopback"},
		{"listen", setListen, "10.0.0.7:9464", "--listen-tls"},
		{"listen", setListen, "localhost.example:9464", "only loopback"},
		{"listen", setListen, "127.0.0.1:", "port must be a number"},
		{"listen", setListen, "127.0.0.1:http", "port must be a number"},
		{"listen", setListen, "127.0.0.1:65536", "port must be a number"},
		{"listen-tls", setTLS, "10.0.0.7:9465", ""},
		{"listen-tls", setTLS, ":9465", ""},
		{"listen-tls", setTLS, "[::]:9465", ""},
		{"listen-tls", setTLS, "10.0.0.7", "expected HOST:PORT"},
		{"listen-tls", setTLS, "10.0.0.7:https", "port must be a number"},
		{"listen-tls", func(r *Run, s string) { r.ListenTLS = s }, "10.0.0.7:9465", "needs --web-config-file"},
		{"web-config-file", func(r *Run, s string) { r.WebConfig = s }, "web.yml", "--listen-tls"},
	})
}

// mistake is one value of one flag.
type mistake struct {
	flag  string
	set   func(*Run, string)
	value string
	want  string // "" = valid
}

// validate checks the message for each value.
func validate(t *testing.T, values []mistake) {
	t.Helper()
	for _, test := range values {
		t.Run(test.flag+" "+test.value, func(t *testing.T) {
			r := valid()
			test.set(r, test.value)
			err := r.Validate()
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, "--"+test.flag, test.want)
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows a password: %v", err)
			}
		})
	}
}

func duration(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestValidateHold(t *testing.T) {
	for _, test := range []struct{ hold, stateDir, want string }{
		{"link", "", ""},
		{"copy", "", ""},
		{"copy", "/state", ""},
		{"", "", "expected link or copy"},
		{"Copy", "", "expected link or copy"},
		{"link", "/state", "add --hold=copy"},
	} {
		r := valid()
		r.Hold, r.StateDir = test.hold, test.stateDir
		err := r.Validate()
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// Every mistake is named in one go: an empty Run has every one that a zero
// value can be.
func TestValidateSaysAll(t *testing.T) {
	err := (&Run{Loki: Loki{URL: "x"}}).Validate()
	wantError(t, err, "--audit-log-path", "--archive-url", "--loki-url", "--cluster", "--node", "--hold", "--landlock", "--redact", "--listen",
		"--rescan-interval", "--silence-after", "--loki-batch-wait", "--shutdown-timeout", "--loki-max-line-bytes", "--loki-start")
	if n := strings.Count(err.Error(), "\n") + 1; n != 15 {
		t.Errorf("%d lines:\n%v", n, err)
	}
}

// Every flag has a help text and a name that a variable can stand for.
func TestRegister(t *testing.T) {
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	new(Run).Register(flags)
	seen := map[string]bool{}
	flags.VisitAll(func(f *pflag.Flag) {
		if env := EnvName(f.Name); f.Usage == "" || f.Name != strings.ToLower(f.Name) || seen[env] {
			t.Errorf("--%s (%s): %q", f.Name, env, f.Usage)
		}
		seen[EnvName(f.Name)] = true
	})
	if len(seen) == 0 {
		t.Error("no flags")
	}
}
