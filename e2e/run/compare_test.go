//go:build e2e

package run

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/internal/redact"
)

// checkArchive restores the whole archive in both ways and compares it with
// the finished files of the account: every byte, every name, and no more.
func (r *fixture) checkArchive() {
	r.t.Helper()
	var want []byte
	for _, f := range r.finished() {
		want = append(want, audittest.ReadFile(r.t, f.Path)...)
	}
	stream := r.verb(append([]string{"restore", r.url}, r.args...)...)
	if stream.Code != 0 {
		r.t.Fatalf("restore: exit %d: %s", stream.Code, stream.Stderr)
	}
	if !bytes.Equal(stream.Stdout, want) {
		r.t.Errorf("restored %d lines, %d bytes; written %d lines, %d bytes; they differ from byte %d on",
			bytes.Count(stream.Stdout, []byte("\n")), len(stream.Stdout), bytes.Count(want, []byte("\n")), len(want), audittest.FirstDifference(stream.Stdout, want))
	}
	r.checkFiles()
	r.checkProof()
}

// checkProof has verify find nothing wrong, whatever happened to the sidecar; a lost
// state is a recorded gap, and the reason of the next epoch.
func (r *fixture) checkProof() {
	r.t.Helper()
	v := r.verb(append([]string{"verify", r.url, "--deep"}, r.args...)...)
	if r.stateLost {
		if v.Code != 0 || !bytes.Contains(v.Stdout, []byte("recorded gap: state_lost")) || !bytes.Contains(v.Stdout, []byte(": state_lost\n")) {
			r.t.Errorf("verify after the loss of the state: exit %d: %s\n%s", v.Code, v.Stderr, v.Stdout)
		}
	} else if v.Code != 0 {
		r.t.Errorf("verify: exit %d: %s\n%s", v.Code, v.Stderr, v.Stdout)
	}
}

// restoredName is the name under which a file was restored: its own. One that
// was pruned before its name was seen is named by its last write, some
// milliseconds off; then it is known by its bytes.
func (r *fixture) restoredName(restored map[string]string, f audittest.File) string {
	if _, ok := restored[f.Name]; ok {
		return f.Name
	}
	content := audittest.ReadFile(r.t, f.Path)
	for name, path := range restored {
		if r.prunes && bytes.Equal(audittest.ReadFile(r.t, path), content) {
			return name
		}
	}
	return f.Name
}

// checkFiles restores by name.
func (r *fixture) checkFiles() {
	r.t.Helper()
	dir := filepath.Join(r.t.TempDir(), "restored")
	if v := r.verb(append([]string{"restore", r.url, "--out", dir}, r.args...)...); v.Code != 0 {
		r.t.Fatalf("restore -o: exit %d: %s", v.Code, v.Stderr)
	}
	restored := make(map[string]string)
	if err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			restored[e.Name()] = path
		}
		return err
	}); err != nil {
		r.t.Fatal(err)
	}
	for _, f := range r.finished() {
		name := r.restoredName(restored, f)
		path, ok := restored[name]
		if !ok {
			r.t.Errorf("%s was not restored", f.Name)
			continue
		}
		if !bytes.Equal(audittest.ReadFile(r.t, path), audittest.ReadFile(r.t, f.Path)) {
			r.t.Errorf("%s was restored with other bytes", f.Name)
		}
		delete(restored, name)
	}
	for name := range restored {
		r.t.Errorf("%s was restored and never written", name)
	}
}

// checkLoki compares the entries with the account: no line lost, none changed
// but as redaction has it, and those that are too long for Loki. It returns how many came twice.
func (r *fixture) checkLoki() (twice int) {
	r.t.Helper()
	have := make(map[string]int)
	shrunk := 0
	for _, line := range r.loki.Lines() {
		have[line]++
		if strings.Contains(line, `{"auditsidecar":{"shrunk":`) {
			shrunk++
		}
	}
	lost, long, lines := 0, 0, 0
	redacted := r.redactor()
	for _, f := range r.writer.Files() {
		content, err := os.ReadFile(f.Path)
		if err != nil {
			r.t.Fatal(err)
		}
		for line := range audittest.Lines(content) {
			lines++
			line, _ := redacted.Line(nil, line)
			switch {
			case len(line) > lokitest.DefaultMaxLine:
				long++
			case have[string(line)] == 0:
				lost++
			}
		}
	}
	if lost > 0 {
		r.t.Errorf("%d of %d lines are not in Loki as they were written", lost, lines)
	}
	if shrunk < long {
		r.t.Errorf("%d lines are too long for Loki, %d entries are shrunk", long, shrunk)
	}
	if got := r.loki.Distinct(); got != lines {
		r.t.Errorf("Loki has %d distinct entries, %d lines were written", got, lines)
	}
	for labels := range r.loki.Streams() {
		if want := `{cluster="e2e", job="audit", node="` + r.node + `"}`; labels != want {
			r.t.Errorf("stream %s, want %s", labels, want)
		}
	}
	return r.loki.Count() - r.loki.Distinct()
}

// redactor is the sidecar's own, with the key that it made.
func (r *fixture) redactor() *redact.Redactor {
	r.t.Helper()
	policy, err := redact.NewPolicy(redact.Config{})
	if err != nil {
		r.t.Fatal(err)
	}
	key, err := redact.ReadKey(filepath.Join(filepath.Dir(r.log), ".auditsidecar", "redact.key"))
	if err != nil {
		r.t.Fatal(err)
	}
	return redact.New(policy, key)
}
