package cli

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// Each script calls one verb as people do: in the good case, and with each setting that is wrong.
//
//	exit CODE COMMAND…   COMMAND must exit with CODE; stdout and stderr hold what it printed
//	log FILE DAY…        FILE is an audit log of forty lines of that day
//	archive DIR          DIR is an archive of two files of the node cp1 in the cluster demo
//	server NAME          the variable NAME is the URL of a server that answers as Loki does, and
//	                     below good/ and bad/ as a sidecar does
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Vars = slices.DeleteFunc(env.Vars, func(v string) bool { return strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "AUDITSIDECAR_") })
			env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit":    exits,
			"log":     writeLog,
			"archive": makeArchive,
			"server":  serve,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		failed, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = failed.ExitCode()
	}
	if code != want {
		ts.Fatalf("%q: exit %d, want %d", args[1:], code, want)
	}
}

func writeLog(ts *testscript.TestScript, _ bool, args []string) {
	day, err := time.Parse(time.DateOnly, args[1])
	ts.Check(err)
	all, err := audittest.ReadCorpus("diverse.log")
	ts.Check(err)
	lines := bytes.SplitAfterN(all, []byte("\n"), 41)
	log := audittest.Shift(bytes.Join(lines[:40], nil), day.Add(12*time.Hour))
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[0])), 0o700))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), log, 0o600))
}

func makeArchive(ts *testscript.TestScript, _ bool, args []string) {
	dir := args[0] + ".audit"
	for _, day := range []string{"2026-11-21", "2026-11-22"} {
		writeLog(ts, false, []string{filepath.Join(dir, "audit-"+day+"T12-00-01.000.log"), day})
	}
	ts.Check(ts.Exec("auditsidecar", "keygen", "--cluster", "demo", "--node", "cp1", "--out", ts.MkAbs(args[0]+".key")))
	ts.Check(ts.Exec("auditsidecar", "run", "--once", "--audit-log-path", ts.MkAbs(filepath.Join(dir, "audit.log")),
		"--archive-url", ts.MkAbs(args[0]), "--cluster", "demo", "--node", "cp1", "--signing-key-file", ts.MkAbs(args[0]+".key")))
}

func serve(ts *testscript.TestScript, _ bool, args []string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/loki/api/v1/push":
			w.WriteHeader(http.StatusNoContent)
		case "/good/status.json", "/bad/status.json":
			level, _, _ := strings.Cut(r.URL.Path[1:], "/")
			_, _ = fmt.Fprintf(w, `{"level": %q, "headline": "of this test"}`, level)
		default:
			http.NotFound(w, r)
		}
	}))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
}
