package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/process"
)

const (
	// labDir has a path that says nothing of the machine: it is in the pictures.
	labDir = "/tmp/lab"
	// building is how long the lab may need for programs that are not in the cache.
	building = 2 * time.Hour
	patience = 10 * time.Minute
)

// lab is a running lab.
type lab struct {
	process *process.Process
	page    string // URL
	log     string
}

func startLab(ctx context.Context, binary, program string) (*lab, error) {
	log, err := os.CreateTemp("", "auditsidecar-lab-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p, err := process.Start("the lab", exec.Command(program, "-binary", binary, "-dir", labDir), log.Name())
	if err != nil {
		return nil, err
	}
	l := &lab{process: p, log: log.Name()}
	if err := p.Wait(ctx, building, func(ctx context.Context) error {
		if !strings.Contains(process.Tail(l.log), "The lab is ready") {
			return errors.New("it has not said that it is ready")
		}
		return nil
	}); err != nil {
		return nil, errors.Join(err, l.stop())
	}
	out, err := l.shell(ctx, `echo -n "$PAGE"`).Output()
	l.page = string(out)
	return l, err
}

func (l *lab) stop() error {
	return errors.Join(l.process.Terminate(patience), os.Remove(l.log))
}

// shell is a command in the environment that the lab has left for shells.
func (l *lab) shell(ctx context.Context, command string) *exec.Cmd {
	return exec.CommandContext(ctx, "bash", "-c", "set -o pipefail; . "+labDir+"/env; cd $LAB; "+command)
}

// stopStore ends the S3 server, and has the lab leave it so.
func (l *lab) stopStore() error {
	if err := os.WriteFile(filepath.Join(labDir, "outage"), nil, 0o600); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(labDir, "s3.pid"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

// wait waits until the page judges so and shows at least that many files.
func (l *lab) wait(ctx context.Context, level string, files int) error {
	return l.process.Wait(ctx, patience, func(ctx context.Context) error {
		_, body, err := process.Get(ctx, http.DefaultClient, l.page+"/status.json")
		if err != nil {
			return err
		}
		var status struct {
			Level, Headline string
			Files           []struct{}
		}
		if err := json.Unmarshal(body, &status); err != nil {
			return err
		}
		if status.Level != level || len(status.Files) < files {
			return fmt.Errorf("the page says %q and shows %d files", status.Headline, len(status.Files))
		}
		return nil
	})
}
