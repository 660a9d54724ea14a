//go:build e2e

package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/process"
)

// block is a part of the page: commands, or text that the commands before it print.
type block struct {
	kind, text string
}

var fenced = regexp.MustCompile("(?ms)^```(sh|text)\n(.*?)^```$")

// withoutTrino matches the section that a test of e2e/sql runs, which has a Trino.
var withoutTrino = regexp.MustCompile(`(?ms)^## Ask Trino$.*?^(## )`)

// TestTutorial runs the commands of docs/tutorial.md in one shell, in a directory of its own, and
// compares the output with the page.
func TestTutorial(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(builds.Repository(t), "docs/tutorial.md"))
	if err != nil {
		t.Fatal(err)
	}
	page = withoutTrino.ReplaceAll(page, []byte("$1"))
	var blocks []block
	for _, m := range fenced.FindAllSubmatch(page, -1) {
		blocks = append(blocks, block{string(m[1]), string(m[2])})
	}
	if fences := bytes.Count(page, []byte("\n```")); fences != 2*len(blocks) || fences < 20 {
		t.Fatalf("the page has %d fences and %d blocks of sh or text", fences, len(blocks))
	}
	if want := "make lab KEEP=try/lab\n"; blocks[0].text != want {
		t.Fatalf("the page begins with %q, not with %q", blocks[0].text, want)
	}
	work := t.TempDir()
	startLab(t, work)

	script := "set -eu -o pipefail\n"
	for i, b := range blocks[1:] {
		if b.kind == "sh" {
			script += "exec >" + printed(work, i) + " 2>&1\n" + b.text
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = work
	failed := cmd.Run()
	last := ""
	for i, b := range blocks[1:] {
		if b.kind == "text" {
			checkPrinted(t, last, b.text)
			continue
		}
		out, err := os.ReadFile(printed(work, i))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // the shell ended before
			t.Fatal(err)
		}
		last = string(out)
		t.Logf("%s\n%s", b.text, last)
	}
	if failed != nil {
		t.Errorf("the commands end with %v", failed)
	}
}

func printed(work string, i int) string { return filepath.Join(work, "printed-"+strconv.Itoa(i)) }

// startLab is the page's first command, with the program under test.
func startLab(t *testing.T, work string) {
	t.Helper()
	binary, err := builds.Auditsidecar()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(work, "lab")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the lab: %v\n%s", err, out)
	}
	dir := filepath.Join(work, "try", "lab")
	log := filepath.Join(work, "lab.log")
	began := time.Now()
	p, err := process.Start("the lab", exec.Command(program, "-binary", binary, "-keep", "-dir", dir), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Terminate(patience); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the lab's log:\n%s", process.Tail(log))
		}
	})
	if err := p.Wait(t.Context(), time.Hour, func(context.Context) error {
		if !strings.Contains(process.Tail(log), "The lab is ready") {
			return errors.New("it has not said that it is ready")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	t.Logf("the lab is ready after %v", time.Since(began).Round(time.Second))
}

// checkPrinted looks for each line of the page in the output: … stands for any text.
func checkPrinted(t *testing.T, got, want string) {
	t.Helper()
	for line := range strings.Lines(want) {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(line)), "…", ".*")
		if ok, err := regexp.MatchString("(?m)^"+pattern+"$", got); err != nil || !ok {
			t.Errorf("the page promises %q, the commands printed\n%s", line, got)
		}
	}
}
