package sidecar

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// Config says what to run.
type Config struct {
	// Binary is the path of auditsidecar.
	Binary string
	// Args follow `run`; --listen is added.
	Args []string
	// Env is added to a clean environment, as KEY=value.
	Env []string
}

// Process is a running `auditsidecar run`. End it with Terminate or Kill.
type Process struct {
	base string // http://127.0.0.1:PORT
	cmd  *exec.Cmd
	log  *audittest.Log // its standard error
	done chan struct{}  // closed when the process has ended and been waited for
}

// environment is a process's environment besides its own variables.
func environment(extra []string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "AWS_EC2_METADATA_DISABLED=true"}, extra...)
}

// Start starts the process; it does not wait until it is ready.
func Start(cfg Config) (*Process, error) {
	listen, err := audittest.FreeAddress()
	if err != nil {
		return nil, err
	}
	p := &Process{base: "http://" + listen, log: new(audittest.Log), done: make(chan struct{})}
	p.cmd = exec.Command(cfg.Binary, append([]string{"run", "--listen", listen}, cfg.Args...)...)
	p.cmd.Env = environment(cfg.Env)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s (built? `make build`): %w", cfg.Binary, err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // the exit code is in ProcessState
	}()
	return p, nil
}

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.done }

// Log returns the process's standard output and error so far.
func (p *Process) Log() string { return p.log.String() }

// URL is where the process answers: http://127.0.0.1:PORT.
func (p *Process) URL() string { return p.base }

// PID returns the process number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// ErrStillRunning is returned by Terminate when the process did not end in
// time; it was killed then.
var ErrStillRunning = errors.New("still running after SIGTERM")

// Terminate sends SIGTERM, waits up to limit and returns the exit code.
func (p *Process) Terminate(limit time.Duration) (code int, err error) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return -1, fmt.Errorf("send SIGTERM: %w", err)
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-timer.C:
		p.Kill()
		return -1, fmt.Errorf("%w (%v)", ErrStillRunning, limit)
	}
}

// Kill sends SIGKILL and waits for the end. It may be called at any time.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // fails only when it has ended already
	<-p.done
}

// ExitCode waits for the end of the process and returns its exit code, or an
// error when ctx is done first.
func (p *Process) ExitCode(ctx context.Context) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return -1, fmt.Errorf("wait for the process to end: %w", ctx.Err())
	}
}

// Result is the result of a verb that ends by itself.
type Result struct {
	Stdout, Stderr []byte
	Code           int // exit code
}

// Verb runs any verb of the binary to its end. An exit code other than 0 is
// not an error here.
func Verb(ctx context.Context, cfg Config) (Result, error) {
	cmd := exec.CommandContext(ctx, cfg.Binary, cfg.Args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &stdout, &stderr, environment(cfg.Env)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		return Result{}, fmt.Errorf("run %s %v: %w", cfg.Binary, cfg.Args, err)
	}
	return Result{stdout.Bytes(), stderr.Bytes(), cmd.ProcessState.ExitCode()}, nil
}
