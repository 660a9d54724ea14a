package sql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/process"
	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
)

var (
	trinoSection = regexp.MustCompile(`(?ms)^## Ask Trino$(.*?)^## `)
	shellBlock   = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
)

// The commands of the section of docs/tutorial.md about Trino run as they are pasted, over an
// archive in place of the lab's. A test of e2e/controlplane runs the other sections.
func TestTutorialInTrino(t *testing.T) {
	if os.Getenv("TRINO") == "" {
		t.Skip("fetches 0.5 GB: run it by `make e2e-trino`")
	}
	page, err := os.ReadFile("../../docs/tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	section := trinoSection.FindSubmatch(page)
	if section == nil {
		t.Fatal("docs/tutorial.md has no section about Trino")
	}
	blocks := shellBlock.FindAllSubmatch(section[1], -1)
	const start = ". try/lab/env\nmake lab-trino\n"
	if len(blocks) != 2 || string(blocks[0][1]) != start {
		t.Fatalf("the section has %d blocks; the first of two should be %q", len(blocks), start)
	}
	work := t.TempDir()
	s3, files := s3server.Start(t), logs(t)
	url := "s3://" + s3.Bucket + "/audit-logs"
	archive(t, files, url, []string{"AWS_ACCESS_KEY_ID=" + s3.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s3.SecretKey},
		"--s3-endpoint", s3.Endpoint, "--s3-region", s3.Region, "--s3-path-style")
	bin, lab := filepath.Join(work, "bin"), filepath.Join(work, "try", "lab")
	for _, dir := range []string{bin, lab} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	program, err := filepath.Abs(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(bin, "auditsidecar")); err != nil {
		t.Fatal(err)
	}
	env := fmt.Sprintf("export PATH=%q:$PATH LAB=%q ARCHIVE=%q AWS_ENDPOINT_URL_S3=%q AWS_REGION=%q AWS_ACCESS_KEY_ID=%q AWS_SECRET_ACCESS_KEY=%q\n",
		bin, lab, url, s3.Endpoint, s3.Region, s3.AccessKey, s3.SecretKey)
	if err := os.WriteFile(filepath.Join(lab, "env"), []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
	startTrinoLab(t, work)
	cmd := exec.CommandContext(t.Context(), "bash", "-c", "set -eu -o pipefail\n. try/lab/env\n"+string(blocks[1][1]))
	cmd.Dir = work
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`"delete","`, `"deletecollection","`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the commands do not print %q:\n%s", want, out)
		}
	}
	t.Logf("%s\n%s", blocks[1][1], out)
}

// startTrinoLab is the section's first block, with the program that make starts.
func startTrinoLab(t *testing.T, work string) {
	t.Helper()
	program := filepath.Join(work, "lab-trino")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./trino/lab").CombinedOutput(); err != nil {
		t.Fatalf("build Trino's lab: %v\n%s", err, out)
	}
	// In the tree, as make does.
	cmd := exec.Command("bash", "-c", ". "+filepath.Join(work, "try/lab/env")+"; exec "+program+" -client "+filepath.Join(work, "bin", "trino"))
	log := filepath.Join(work, "trino.log")
	p, err := process.Start("Trino's lab", cmd, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Terminate(time.Minute); err != nil {
			t.Error(err)
		}
	})
	if err := p.Wait(t.Context(), 20*time.Minute, func(context.Context) error {
		if !strings.Contains(process.Tail(log), "Trino is ready") {
			return errors.New("it has not said that it is ready")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
