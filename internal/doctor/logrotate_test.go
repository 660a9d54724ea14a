package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// resultsOf are the results with an ID.
func (n *node) resultsOf(t *testing.T, id string) []Result {
	t.Helper()
	return slices.DeleteFunc(Run(t.Context(), n.cfg), func(r Result) bool { return r.ID != id })
}

func TestLogrotate(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		want       Severity
		says       string
	}{
		"none":                 {"", "", Info, "no rules of logrotate"},
		"other logs":           {"logrotate.d/dpkg", "/var/log/dpkg.log {\n\tweekly\n}\n", OK, "in 1 files"},
		"the log":              {"logrotate.d/k8s", "@/audit/audit.log {\n\tdaily\n}\n", Warning, "logrotate.d/k8s has a rule on @/audit/audit.log"},
		"a glob":               {"logrotate.d/k8s", "@/audit/*.log {daily}\n", Warning, "@/audit/*.log"},
		"the backups":          {"logrotate.d/k8s", "@/audit/audit-*.log { daily }\n", Warning, "@/audit/audit-*.log"},
		"in quotes":            {"logrotate.conf", "weekly\n\"/x y.log\" '@/audit/audit.log'\n{\n}\n", Warning, "logrotate.conf has"},
		"on a line of its own": {"logrotate.conf", "/a.log\n@/audit/audit.log\n/b.log {\n}\n", Warning, "audit.log"},
		"in the container":     {"logrotate.d/k8s", "/var/log/kubernetes/audit/audit.log {\n}\n", OK, ""},
		"in a comment":         {"logrotate.d/k8s", "# @/audit/audit.log {\n/a.log {\n # @/audit/audit.log\n}\n", OK, ""},
		"in a script":          {"logrotate.d/k8s", "/a.log {\n postrotate\n  x() {\n}\n@/audit/audit.log\n endscript\n}\n", OK, ""},
		"after a script":       {"logrotate.d/k8s", "/a.log {\n postrotate\n  x() {\n}\n endscript\n}\n@/audit/audit.log {\n}\n", Warning, "audit.log"},
		"deeper":               {"logrotate.d/k8s", "@/*.log @/audit/x/*.log {\n}\n", OK, ""},
		"no glob":              {"logrotate.d/k8s", "@/audit/[ {\n}\n", OK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			n := good(t)
			n.cfg.Root = n.root
			if c.file != "" {
				n.write(t, "etc/"+c.file, strings.ReplaceAll(c.text, "@", n.root))
			}
			all := n.resultsOf(t, "logrotate")
			if len(all) != 1 || all[0].Severity != c.want || !strings.Contains(all[0].Found, strings.ReplaceAll(c.says, "@", n.root)) {
				t.Errorf("got %+v", all)
			}
		})
	}
}

// A file of any bytes is read without a panic, and a directory or a dangling link is no rule.
func TestLogrotateOfStrangeFiles(t *testing.T) {
	n := good(t)
	n.cfg.Root = n.root
	n.write(t, "etc/logrotate.d/x/y", "")
	n.write(t, "etc/logrotate.d/long", strings.Repeat("x", maxRules+1))
	must(t, os.Symlink("nowhere", filepath.Join(n.root, "etc/logrotate.d/z")))
	if all := n.resultsOf(t, "logrotate"); len(all) != 1 || all[0].Severity == OK {
		t.Errorf("got %+v", all)
	}
}

func FuzzLogrotateRules(f *testing.F) {
	f.Add("/a {\n postrotate\n}\n endscript\n}\n\"/b\" '/c")
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "f")
		must(t, os.WriteFile(file, []byte(text), 0o600))
		rules, err := logrotateRules(file)
		n := 0
		for _, r := range rules {
			n += len(r)
		}
		if err == nil && n > len(text) {
			t.Errorf("%d bytes of rules in %d", n, len(text))
		}
	})
}

func TestUnknownFiles(t *testing.T) {
	n := good(t)
	if all := n.resultsOf(t, "unknown-files"); len(all) != 1 || all[0].Severity != OK {
		t.Errorf("got %+v", all)
	}
	n.write(t, "audit/audit.log.1", "")
	n.write(t, "audit/audit.log.\x1b[2J", "")
	all := n.resultsOf(t, "unknown-files")
	if len(all) != 1 || all[0].Severity != Warning || !strings.Contains(all[0].Found, `audit.log.\x1b[2J, audit.log.1`) || !strings.Contains(all[0].Fix, "convert") {
		t.Errorf("got %+v", all)
	}
}
