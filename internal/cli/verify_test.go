package cli

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/verify"
)

// archivedLog archives two files with run --once and returns the archive.
func archivedLog(t *testing.T) string {
	t.Helper()
	dir, archive := t.TempDir(), t.TempDir()
	log := audittest.Corpus(t, "torn-line.log")
	for _, name := range []string{"audit-2026-11-22T12-00-00.000.log", "audit-2026-11-22T13-00-00.000.log"} {
		if err := os.WriteFile(filepath.Join(dir, name), log, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := runVerb(t, "run", "--once", "--audit-log-path", filepath.Join(dir, "audit.log"),
		"--archive-url", "file://"+archive, "--cluster", "prod", "--node", "cp1"); err != nil {
		t.Fatal(err)
	}
	return archive
}

// objectIn is the first object below a directory of an archive.
func objectIn(t *testing.T, archive, below string) string {
	t.Helper()
	var found string
	err := filepath.WalkDir(filepath.Join(archive, below), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && found == "" {
			found = path
		}
		return err
	})
	if err != nil || found == "" {
		t.Fatalf("no object below %s: %v", below, err)
	}
	return found
}

func TestVerifyVerb(t *testing.T) {
	archive := archivedLog(t)
	out, err := runVerb(t, "verify", archive, "--deep")
	if err != nil || !strings.Contains(out, "OK: nothing is missing") {
		t.Fatalf("%v\n%s", err, out)
	}
	object := objectIn(t, archive, "data")
	data, err := os.ReadFile(object)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(object, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err = runVerb(t, "verify", "file://"+archive)
	if !errors.Is(err, errFindings) || exitCode(err) != 3 || !strings.Contains(out, filepath.Base(object)) || !strings.Contains(out, "lines 1 to ") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = runVerb(t, "verify", archive, "-o", "json")
	var report verify.Report
	if jsonErr := json.Unmarshal([]byte(out), &report); !errors.Is(err, errFindings) || jsonErr != nil || len(report.Findings) != 1 || report.Clean {
		t.Errorf("%v, %v\n%s", err, jsonErr, out)
	}
	if out, err = runVerb(t, "verify", archive, "--chain-only"); err != nil {
		t.Errorf("the chain is whole: %v\n%s", err, out)
	}
}

func TestVerifyState(t *testing.T) {
	archive, other, state := archivedLog(t), archivedLog(t), filepath.Join(t.TempDir(), "state.json")
	for _, want := range []string{"has no head yet", "no record is new; "} {
		if out, err := runVerb(t, "verify", archive, "--state", state); err != nil || !strings.Contains(out, want) {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if _, err := runVerb(t, "verify", other, "--state", state); exitCode(err) != exitFailed || !strings.Contains(err.Error(), "of the archive") {
		t.Errorf("another archive: exit %d: %v", exitCode(err), err)
	}
	before := audittest.ReadFile(t, state)
	if err := os.RemoveAll(filepath.Join(archive, "manifests")); err != nil {
		t.Fatal(err)
	}
	out, err := runVerb(t, "verify", archive, "--state", state)
	if !errors.Is(err, errFindings) || !strings.Contains(out, "FINDING not_descendant") || string(audittest.ReadFile(t, state)) != string(before) {
		t.Errorf("without records: %v\n%s", err, out)
	}
}

func TestVerifyEvent(t *testing.T) {
	archive := archivedLog(t)
	epoch := strings.Split(filepath.Base(objectIn(t, archive, "manifests")), "-")[2]
	first, _, _ := strings.Cut(string(audittest.Corpus(t, "torn-line.log")), "\n")
	out, err := runVerb(t, "verify", archive, "--event", epoch+"/2/1", "-o", "json")
	var got struct{ Event verify.Event }
	if jsonErr := json.Unmarshal([]byte(out), &got); err != nil || jsonErr != nil || got.Event.Text != first || len(got.Event.Path) == 0 {
		t.Errorf("%v, %v\n%s", err, jsonErr, out)
	}
	if out, err = runVerb(t, "verify", archive, "--event", epoch+"/2/1"); err != nil || !strings.HasPrefix(out, first+"\n") {
		t.Errorf("%v\n%.300s", err, out)
	}
	if _, err := runVerb(t, "verify", archive, "--event", epoch+"/9/1"); !errors.Is(err, verify.ErrNoEvent) {
		t.Errorf("a number that is not there: %v", err)
	}
}

func TestVerifyUsage(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no archive":        {[]string{"verify"}, "Usage"},
		"time":              {[]string{"verify", dir, "--from", "yesterday"}, "--from"},
		"backwards":         {[]string{"verify", dir, "--from", "2026-11-02", "--to", "2026-11-01"}, "is not before"},
		"head":              {[]string{"verify", dir, "--expect-head", "abc"}, "--expect-head"},
		"event":             {[]string{"verify", dir, "--event", "7"}, "EPOCH/SEQ/LINE"},
		"form":              {[]string{"verify", dir, "-o", "xml"}, "--output"},
		"both":              {[]string{"verify", dir, "--deep", "--chain-only"}, "exclude"},
		"several at once":   {[]string{"verify", dir, "-o", "xml", "--event", "7"}, "--output"},
		"an archive's file": {[]string{"verify", os.Args[0]}, "is a file"},
		"scheme":            {[]string{"verify", "ftp://x/y"}, "ftp"},
		"keygen nowhere":    {[]string{"keygen", "--cluster", "c", "--node", "n"}, "--out is required"},
		"keygen of no node": {[]string{"keygen", "--out", dir + "/k"}, "--node"},
		"no keys in it":     {[]string{"verify", dir, "--key", dir}, "ends in .vkey"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := runVerb(t, c.args...)
			if exitCode(err) != exitUsage || !strings.Contains(err.Error(), c.want) {
				t.Errorf("exit %d: %v", exitCode(err), err)
			}
		})
	}
	if _, err := runVerb(t, "verify", dir); !errors.Is(err, errFindings) {
		t.Errorf("an empty archive: %v", err)
	}
	for _, flag := range []string{"--key", "--accept"} {
		if _, err := runVerb(t, "verify", dir, flag, dir+"/x"); exitCode(err) != exitFailed || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("%s of a file that is not there: exit %d, %v", flag, exitCode(err), err)
		}
	}
	for _, missing := range []string{dir + "/x", "file://" + dir + "/x"} {
		if _, err := runVerb(t, "verify", missing); exitCode(err) != exitFailed {
			t.Errorf("%s, which is not there: exit %d: %v", missing, exitCode(err), err)
		}
	}
}

// The command on the status page proves the archive of this node.
func TestVerifyCommandOfTheStatusPage(t *testing.T) {
	archive := archivedLog(t)
	record := objectIn(t, archive, "manifests")
	settings := config.Run{Identity: config.Identity{Cluster: "prod", Node: "cp1"}, Archive: config.Archive{URL: "file://" + archive}}
	ok(t, strings.Fields(sidecar.VerifyCommand(settings, manifest.Read(audittest.ReadFile(t, record)).Point.Root.String()))[1:]...)
	settings.Archive = config.Archive{URL: "s3://bucket/x"}
	settings.Archive.Endpoint, settings.Archive.Region, settings.Archive.CAFile, settings.Archive.PathStyle = "http://x", "eu", "/ca.pem", true
	checkCall(t, NewRoot(""), "the page", strings.Fields(sidecar.VerifyCommand(settings, "a"))[1:])
}

func runVerb(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	r := call(t, args...)
	return r.stdout, r.err
}

// The arguments of the shipped CronJob are flags of verify.
func TestVerifyCronJob(t *testing.T) {
	var job struct {
		Spec struct {
			JobTemplate struct {
				Spec struct {
					Template struct {
						Spec struct{ Containers []struct{ Args []string } }
					}
				}
			} `yaml:"jobTemplate"`
		}
	}
	documents := strings.Split(string(audittest.ReadFile(t, "../../manifests/verify/cronjob.yaml")), "\n---\n")
	must(t, yaml.Unmarshal([]byte(documents[len(documents)-1]), &job))
	args := job.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Args
	cmd, rest, err := NewRoot("").Find(args)
	must(t, err)
	must(t, cmd.ParseFlags(rest))
	if cmd.Name() != "verify" || cmd.Flags().Lookup("metrics").Value.String() != "/textfile/verify.prom" || cmd.Flags().NArg() != 1 {
		t.Errorf("%q", args)
	}
}

// The number of files that are restored at once changes nothing in the report.
func TestVerifyJobs(t *testing.T) {
	archive := archivedLog(t)
	object := objectIn(t, archive, "data")
	data := audittest.ReadFile(t, object)
	data[len(data)/2] ^= 1
	if err := os.WriteFile(object, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var reports []verify.Report
	for _, jobs := range []string{"1", "8"} {
		out, err := runVerb(t, "verify", archive, "--deep", "--jobs", jobs, "-o", "json")
		var r verify.Report
		if jsonErr := json.Unmarshal([]byte(out), &r); jsonErr != nil || exitCode(err) != exitFindings {
			t.Fatalf("%v, %v", err, jsonErr)
		}
		reports = append(reports, r)
	}
	if a, b := reports[0].Findings, reports[1].Findings; len(a) != 1 || !reflect.DeepEqual(a, b) {
		t.Errorf("one job finds %+v, eight %+v", a, b)
	}
	for _, verb := range []string{"verify", "evidence"} {
		if _, err := runVerb(t, verb, archive, "--jobs", "0"); exitCode(err) != exitUsage || !strings.Contains(err.Error(), "--jobs is 0") {
			t.Errorf("%s: %v", verb, err)
		}
	}
}
