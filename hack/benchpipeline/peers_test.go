package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommands looks for the log, the sink and the run's name in the command line of every
// program, and in the configuration that it names.
func TestCommands(t *testing.T) {
	peers, err := findPeers(options{binary: "ours", fluentBit: "fluent-bit", vector: "vector", otelcol: "otelcol"})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		job := task{log: "/logs/audit.log", dir: t.TempDir(), sink: "http://127.0.0.1:3100", name: "run-7"}
		cmd, err := p.command(p.program, job)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(cmd.Args, " ")
		files, err := filepath.Glob(filepath.Join(job.dir, "*.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text, file) {
				t.Errorf("%s: %q does not name %s", p.name, text, file)
			}
			text += string(content)
		}
		for _, want := range []string{job.log, "127.0.0.1", "3100", job.name} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in %s", p.name, want, text)
			}
		}
	}
}

// standIn in the environment of this test has the URL that it pushes two lines to, as a
// program of the comparison.
const standIn = "BENCHPIPELINE_STAND_IN"

func TestMain(m *testing.M) {
	url := os.Getenv(standIn)
	if url == "" {
		os.Exit(m.Run())
	}
	if err := push(url, `["1","a"],["2","b"]`); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	<-ctx.Done() // until it is killed
}

func push(url, values string) error {
	resp, err := http.Post(url+"/loki/api/v1/push", "application/json", strings.NewReader(`{"streams":[{"values":[`+values+`]}]}`))
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func TestPeer(t *testing.T) {
	s := newCounter()
	defer s.close()
	if err := push(s.base(), `["1","of an earlier program"]`); err != nil {
		t.Fatal(err)
	}
	p := peer{name: "stand-in", program: os.Args[0], label: "job", command: func(program string, job task) (*exec.Cmd, error) {
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), standIn+"="+job.sink)
		return cmd, nil
	}}
	if err := p.stream(t.Context(), s, t.TempDir(), "audit.log", 2, 1); err != nil {
		t.Fatal(err)
	}
	if len(p.runs) != 1 || p.runs[0].lines != 2 || p.runs[0].peak == 0 {
		t.Errorf("%+v", p.runs)
	}
	left := peer{name: "not installed"}
	if err := left.stream(t.Context(), s, t.TempDir(), "audit.log", 2, 1); err != nil || len(left.runs) != 0 {
		t.Errorf("%+v, %v", left.runs, err)
	}
}
