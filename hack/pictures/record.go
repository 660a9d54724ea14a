package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// step is a command of a recording.
type step struct {
	comment string // before it; empty: none
	command string // as a user types it
	run     string // run in its stead; empty: the command
	tries   int    // until it prints a line

	output string
	took   time.Duration
}

// record runs the steps, each in a shell that prepare makes.
func record(steps []step, prepare func(command string) *exec.Cmd) error {
	for i := range steps {
		s := &steps[i]
		command := s.run
		if command == "" {
			command = s.command
		}
		for try := 0; s.output == ""; try++ {
			began := time.Now()
			out, err := prepare(command).CombinedOutput()
			s.took, s.output = time.Since(began), string(out)
			if err != nil {
				return fmt.Errorf("%s: %w\n%s", command, err, out)
			}
			if s.output == "" && try >= s.tries {
				return fmt.Errorf("%s: it prints nothing", command)
			}
			if s.output == "" {
				time.Sleep(time.Second)
			}
		}
	}
	return nil
}

// recordDemo records `make demo`, without the lines of the build.
func recordDemo(ctx context.Context, binary string) error {
	dir, err := os.MkdirTemp("", "auditsidecar-demo-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "demo")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "./hack/demo").CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("build the demo: %w", err), errors.New(string(out)))
	}
	steps := []step{{command: "make demo", run: program + " -binary " + binary}}
	if err := record(steps, func(command string) *exec.Cmd { return exec.CommandContext(ctx, "bash", "-c", command) }); err != nil {
		return err
	}
	return keep("docs/pictures/demo.svg", render("make demo", "A terminal recording of make demo: every line of a real audit log is archived, streamed, restored and proven.", steps))
}

// recordSearch records a deletion and how it is found.
func recordSearch(ctx context.Context, l *lab) error {
	shell := func(command string) *exec.Cmd { return l.shell(ctx, command) }
	if out, err := shell("kubectl create configmap hello --from-literal=a=b").CombinedOutput(); err != nil {
		return fmt.Errorf("create a ConfigMap: %w\n%s", err, out)
	}
	const url = "s3://audit/audit-logs"
	steps := []step{
		{command: "kubectl delete configmap hello"},
		{comment: "on the node, at once", command: "auditsidecar search audit/audit.log --verb delete --name hello"},
		{comment: "in the archive", command: "auditsidecar search " + url + " --verb delete --name hello", tries: 120},
		{comment: "everything that was refused", command: "auditsidecar search " + url + " --code 403 | tail -3", tries: 120},
		{comment: "is anything missing or changed?", command: "auditsidecar verify " + url + " --key signing.key.vkey | tail -1"},
	}
	if err := record(steps, shell); err != nil {
		return err
	}
	for _, s := range steps {
		if strings.Contains(s.output, labDir) {
			return fmt.Errorf("%s: a path of the lab is printed: %s", s.command, s.output)
		}
	}
	return keep("docs/pictures/search.svg", render("auditsidecar search", "A terminal recording: kubectl deletes a ConfigMap, auditsidecar finds the line on the node and in the archive.", steps))
}
