package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// verb is a set of flags like that of a verb, with one that takes a list.
type verb struct {
	Run
	flags  *pflag.FlagSet
	labels []string
}

func newVerb() *verb {
	v := &verb{flags: pflag.NewFlagSet("verb", pflag.ContinueOnError)}
	v.Register(v.flags)
	v.flags.StringSliceVar(&v.labels, "labels", nil, "")
	v.flags.String(FileFlag, "", "")
	v.flags.Bool(helpFlag, false, "")
	return v
}

// fill parses args, then fills from environ and from a file where one is given.
func fill(t *testing.T, args, environ []string, file string) (v *verb, warnings []string, err error) {
	t.Helper()
	v = newVerb()
	if file != "" {
		args = append(args, "--config", writeFile(t, file))
	}
	if err := v.flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	warnings, err = Fill(v.flags, environ)
	return v, warnings, err
}

// writeFile writes auditsidecar.yaml into a directory of its own.
func writeFile(t *testing.T, content string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "auditsidecar.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantError compares an error with its expected texts.
func wantError(t *testing.T, err error, wants ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want %q", wants)
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

func TestEnvName(t *testing.T) {
	if got := EnvName("s3-kms-key-id"); got != "AUDITSIDECAR_S3_KMS_KEY_ID" {
		t.Error(got)
	}
}

// The command line counts most, then the environment, then the file, then the
// default; an empty value counts, too.
func TestPrecedence(t *testing.T) {
	const fromFile = "cluster: file"
	fromEnv := []string{"AUDITSIDECAR_CLUSTER=env"}
	fromLine := []string{"--cluster", "line"}
	for _, test := range []struct {
		name    string
		args    []string
		environ []string
		file    string
		want    string
	}{
		{"default", nil, nil, "", ""},
		{"file", nil, nil, fromFile, "file"},
		{"environment", nil, fromEnv, "", "env"},
		{"environment over file", nil, fromEnv, fromFile, "env"},
		{"command line", fromLine, nil, "", "line"},
		{"command line over file", fromLine, nil, fromFile, "line"},
		{"command line over environment", fromLine, fromEnv, "", "line"},
		{"all three", fromLine, fromEnv, fromFile, "line"},
		{"empty in the environment", nil, []string{"AUDITSIDECAR_CLUSTER="}, fromFile, ""},
		{"empty on the command line", []string{"--cluster="}, fromEnv, fromFile, ""},
		{"empty in the file", nil, nil, `cluster: ""`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			v, warnings, err := fill(t, test.args, test.environ, test.file)
			if err != nil || len(warnings) > 0 {
				t.Fatal(warnings, err)
			}
			if v.Identity.Cluster != test.want {
				t.Errorf("cluster %q, want %q", v.Identity.Cluster, test.want)
			}
		})
	}
}

// Every type of setting, as YAML writes it.
func TestFileValues(t *testing.T) {
	v, _, err := fill(t, nil, nil, `# where the log is
audit-log-path: /var/log/kubernetes/audit/audit.log
archive-url: "s3://bucket/prefix"
s3-path-style: true
loki-max-line-bytes: 65536
loki-batch-wait: 250ms   # a duration
rescan-interval: "10s"
node: 007
cluster: &name production
loki-tenant: |-
  team-a
labels: [a, b]
`)
	if err != nil {
		t.Fatal(err)
	}
	want := newVerb().Run
	want.AuditLogPath = "/var/log/kubernetes/audit/audit.log"
	want.Archive.URL, want.Archive.PathStyle = "s3://bucket/prefix", true
	want.Loki.MaxLineBytes, want.Loki.BatchWait, want.RescanInterval = 65536, 250*time.Millisecond, 10*time.Second
	want.Identity = Identity{Cluster: "production", Node: "007"}
	want.Loki.Tenant = "team-a"
	if !reflect.DeepEqual(v.Run, want) {
		t.Errorf("got  %+v\nwant %+v", v.Run, want)
	}
	if !slices.Equal(v.labels, []string{"a", "b"}) {
		t.Errorf("labels %q", v.labels)
	}
}

// A file without settings is no mistake.
func TestEmptyFile(t *testing.T) {
	for _, content := range []string{"\n", "# cluster: production\n", "---\n", "---\n# nothing\n...\n", "null\n", "~", "{}\n", " \n\n"} {
		v, warnings, err := fill(t, nil, nil, content)
		if err != nil || len(warnings) > 0 || !reflect.DeepEqual(v.Run, newVerb().Run) {
			t.Errorf("%q: %v, %v", content, warnings, err)
		}
	}
}

func TestFileMistakes(t *testing.T) {
	for _, test := range []struct {
		name, file string
		wants      []string
	}{
		{"unknown", "cluster: c\n\nfoo-bar-baz: 1\n", []string{`auditsidecar.yaml:3: unknown setting "foo-bar-baz"`}},
		{"misspelled", "loki_uri: http://x\n", []string{`:1: unknown setting "loki_uri"; did you mean loki-url?`}},
		{"misspelled and empty", "clutser:\n", []string{`:1: unknown setting "clutser"; did you mean cluster?`}},
		{"no name", "\"\": 1\n", []string{`:1: unknown setting ""`}},
		{"a list as name", "? [a]\n: 1\n", []string{":1: expected the name of a setting"}},
		{"the file itself", "config: other.yaml\n", []string{`:1: unknown setting "config"`}},
		{"help", "help: true\n", []string{`:1: unknown setting "help"`}},
		{"nearly the file itself", "confg: a\n", []string{`:1: unknown setting "confg"`}},
		{"twice", "cluster: a\nnode: n\ncluster: b\ncluster: c\n", []string{":3: cluster is set twice (first in line 1)", ":4: cluster is set twice (first in line 1)"}},
		{"null", "node: n\ncluster:\n", []string{`:2: cluster has no value; write ""`}},
		{"null by name", "cluster: null\n", []string{":1: cluster has no value"}},
		{"null by tag", "cluster: !!null x\n", []string{":1: cluster has no value"}},
		{"a list", "cluster: [a, b]\n", []string{":1: cluster takes one value, not a list"}},
		{"a list of one", "cluster:\n- a\n", []string{":1: cluster takes one value, not a list"}},
		{"an empty list", "cluster: []\n", []string{":1: cluster takes one value, not a list"}},
		{"a list of nothing", "labels: [a, null]\n", []string{":1: labels: expected a plain value or a list of plain values"}},
		{"a mapping", "cluster: {a: b}\n", []string{":1: cluster: expected a plain value"}},
		{"an alias", "node: &n a\ncluster: *n\n", []string{":2: cluster: expected a plain value"}},
		{"a list of mappings", "labels: [{a: b}]\n", []string{":1: labels: expected a plain value"}},
		{"no duration", "rescan-interval: 5\n", []string{`:1: rescan-interval: invalid value "5"`, "unit"}},
		{"no number", "loki-max-line-bytes: 64k\n", []string{`:1: loki-max-line-bytes: invalid value "64k"`}},
		{"no truth", "once: maybe\n", []string{`:1: once: invalid value "maybe"`}},
		{"a list at the top", "- cluster: c\n", []string{":1: expected `setting: value` lines"}},
		{"text at the top", "\ncluster=c\n", []string{":2: expected `setting: value` lines"}},
		{"two documents", "cluster: a\n---\nnode: b\n", []string{":2: a second YAML document"}},
		{"an empty second document", "cluster: a\n---\n", []string{"a second YAML document"}},
		{"a broken second document", "cluster: a\n---\n{\n", []string{"parse YAML"}},
		{"no YAML", "cluster: {\n", []string{"auditsidecar.yaml: parse YAML: ", "line 1"}},
		{"not UTF-8", "cluster: \xff\n", []string{"parse YAML"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := fill(t, nil, nil, test.file)
			wantError(t, err, test.wants...)
			if strings.Contains(err.Error(), "did you mean config") || strings.Contains(err.Error(), "\"--") {
				t.Error(err)
			}
		})
	}
}

// A mistake in a line that another source overrules is one all the same: it
// would show on the day on which the other source is gone. Only its value is
// not looked at.
func TestOverruledMistakes(t *testing.T) {
	_, _, err := fill(t, []string{"--cluster", "c"}, nil, "cluster:\n")
	wantError(t, err, "cluster has no value")
	_, _, err = fill(t, []string{"--cluster", "c"}, nil, "cluster: [a]\n")
	wantError(t, err, "cluster takes one value")
}

// Whoever has made several mistakes hears of all of them in one go.
func TestAllMistakesAtOnce(t *testing.T) {
	environ := []string{"AUDITSIDECAR_ONCE=perhaps", "PATH=/bin", "AUDITSIDECAR_LOKI_MAX_LINE_BYTES=big"}
	_, _, err := fill(t, nil, environ, "clutser: a\nrescan-interval: soon\nnode: x\nnode: y\n")
	wantError(t, err,
		`environment variable AUDITSIDECAR_ONCE: once: invalid value "perhaps"`,
		`environment variable AUDITSIDECAR_LOKI_MAX_LINE_BYTES: loki-max-line-bytes: invalid value "big"`,
		`:1: unknown setting "clutser"`, `:2: rescan-interval: invalid value "soon"`, ":4: node is set twice")
	if n := strings.Count(err.Error(), "\n") + 1; n != 5 {
		t.Errorf("%d lines:\n%v", n, err)
	}
}

// kubelet makes variables for a Service called auditsidecar: they are named,
// and ignored.
func TestForeignVariables(t *testing.T) {
	environ := []string{
		"AUDITSIDECAR_SERVICE_HOST=10.0.0.1", "AUDITSIDECAR_PORT=tcp://10.0.0.1:9464", "AUDITSIDECAR_HELP=x",
		"AUDITSIDECARS=1", "auditsidecar_node=n", "AUDITSIDECAR_CLUSTER=c=d", "NOTHING",
	}
	v, warnings, err := fill(t, nil, environ, "")
	if err != nil {
		t.Fatal(err)
	}
	if v.Identity.Cluster != "c=d" {
		t.Errorf("cluster %q", v.Identity.Cluster)
	}
	all := strings.Join(warnings, "\n")
	for _, name := range []string{"AUDITSIDECAR_SERVICE_HOST", "AUDITSIDECAR_PORT", "AUDITSIDECAR_HELP"} {
		if !strings.Contains(all, name) {
			t.Errorf("no warning of %s: %s", name, all)
		}
	}
	if len(warnings) != 3 || strings.Contains(all, "10.0.0.1") {
		t.Errorf("warnings: %s", all)
	}
}

// The file's name may come from the environment; a file that cannot be read is
// an error that names it.
func TestFileFlag(t *testing.T) {
	v, _, err := fill(t, nil, []string{"AUDITSIDECAR_CONFIG=" + writeFile(t, "cluster: c")}, "")
	if err != nil || v.Identity.Cluster != "c" {
		t.Errorf("cluster %q, %v", v.Identity.Cluster, err)
	}
	_, _, err = fill(t, []string{"--config", "/nowhere/a.yaml"}, []string{"AUDITSIDECAR_ONCE=perhaps"}, "")
	wantError(t, err, "read the configuration file", "/nowhere/a.yaml", "AUDITSIDECAR_ONCE")

	flags := pflag.NewFlagSet("verb", pflag.ContinueOnError)
	flags.String("cluster", "", "")
	if _, err := Fill(flags, []string{"AUDITSIDECAR_CLUSTER=c"}); err != nil || !flags.Changed("cluster") {
		t.Errorf("a verb without a configuration file: %v", err)
	}
}

// For any file Fill answers; and a value that it takes without an error it
// has set.
func FuzzFill(f *testing.F) {
	for _, seed := range []string{
		"", "cluster: c\n", "cluster: &a b\nnode: *a\n", "? [a]\n: 1\n", "---\n---\n", "{cluster: a}", "cluster: !!null x",
		"<<: *x", "cluster: \"\\x00\"", "- a", "labels: [a, b]", "%YAML 1.2\n---\ncluster: c", "a: &a [*a]", "rescan-interval: 5s",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		settings, err := parseFile("f", []byte(content))
		if err != nil {
			return
		}
		flags := newVerb().flags
		for i := 0; i+1 < len(settings); i += 2 {
			key, value := settings[i], settings[i+1]
			if setFromFile(flags, key, value) != nil {
				continue
			}
			if f := flags.Lookup(key.Value); f == nil || !f.Changed && (value.Kind == yaml.ScalarNode || len(value.Content) > 0) {
				t.Errorf("%q was accepted and is not set", key.Value)
			}
		}
	})
}
