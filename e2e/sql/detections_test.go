package sql

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/e2e/sql/trino"
	"github.com/auditsidecar/auditsidecar/internal/detect"
	"github.com/auditsidecar/auditsidecar/internal/detect/detecttest"
	"github.com/auditsidecar/auditsidecar/manifests"
)

// detectionColumns are those of the view audit that detections read. Each case has an
// address of its own, which stands for its cluster here.
const detectionColumns = `source_ip AS cluster, dt, event_time, level, stage, verb, audit_id, request_uri, user_agent, user_name, source_ip,
  impersonated_user_name, impersonated_user_groups, object_resource, object_subresource, object_api_group, object_namespace, object_name,
  response_code, request_object, response_object, authorization_decision`

// detectionLog is the log of all cases, with the expected detections by address.
func detectionLog(t *testing.T, s detect.Source) (content []byte, want map[string][]string, names map[string]string) {
	t.Helper()
	logs, err := detecttest.Logs(s, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want, names = make(map[string][]string), make(map[string]string)
	for i, l := range logs {
		address := fmt.Sprintf("192.0.%d.%d", i/250, i%250)
		names[address] = l.Name
		for _, alert := range detecttest.Fired(s, l.Lines) {
			if s.Find(alert).Statement(nil) != "" {
				want[address] = append(want[address], alert)
			}
		}
		for _, line := range l.Lines {
			content = append(append(content, bytes.Replace(line, []byte(`"10.0.3.17"`), []byte(`"`+address+`"`), 1)...), '\n')
		}
	}
	return content, want, names
}

// checkDetections runs each statement and compares the detections with the evaluator's.
func checkDetections(t *testing.T, db *sql.DB, s detect.Source, view string, want map[string][]string, names map[string]string) {
	t.Helper()
	got := make(map[string][]string)
	var table strings.Builder
	for _, d := range s.All() {
		text := d.Statement(nil)
		if text == "" {
			continue
		}
		found, err := ask(t, db, statement(strings.ReplaceAll(text, "audit.audit", view)))
		if err != nil {
			t.Errorf("%s: %v", d.Alert, err)
			continue
		}
		if len(d.When) == 0 {
			continue // needs the past, and this log has none
		}
		fired := make(map[string]bool)
		for _, row := range found.cells {
			fired[row[2]] = true
		}
		for address := range fired {
			got[address] = append(got[address], d.Alert)
		}
		evaluator := 0
		for _, alerts := range want {
			if slices.Contains(alerts, d.Alert) {
				evaluator++
			}
		}
		fmt.Fprintf(&table, "%-32s %5d %5d %9d\n", d.Alert, len(fired), len(names)-len(fired), evaluator)
	}
	for address, name := range names {
		slices.Sort(got[address])
		if !slices.Equal(got[address], want[address]) {
			t.Errorf("%s: fires %q, the evaluator says %q", name, got[address], want[address])
		}
	}
	// e2e/loki compares Loki's ruler with the same evaluator.
	t.Logf("\n%-32s %5s %5s %9s\n%s", "detection, cases", "fired", "quiet", "evaluator", table.String())
}

func detectionSource(t *testing.T) detect.Source {
	t.Helper()
	dir, err := manifests.Detections()
	if err != nil {
		t.Fatal(err)
	}
	s, err := detect.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDetectionsInDuckDB(t *testing.T) {
	s, dir := detectionSource(t), t.TempDir()
	content, want, names := detectionLog(t, s)
	archive(t, []*logFile{{node: "cp-1", name: "audit-" + time.Now().UTC().Format("2006-01-02T15-04-05.000") + ".log", content: content}}, "file://"+dir, nil)
	db := inDuckDB(t, "file://"+dir)
	script, err := s.SQL(detect.EngineDuckDB, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{statements(script)[0], "CREATE SCHEMA cases", "CREATE VIEW cases.audit AS SELECT " + detectionColumns + " FROM audit.audit"} {
		if _, err := ask(t, db, text); err != nil {
			t.Fatal(err)
		}
	}
	checkDetections(t, db, s, "cases.audit", want, names)
}

func TestDetectionsInTrino(t *testing.T) {
	if os.Getenv("TRINO") == "" {
		t.Skip("fetches 0.5 GB: run it by `make e2e-trino`")
	}
	s, s3 := detectionSource(t), s3server.Start(t)
	content, want, names := detectionLog(t, s)
	url := "s3://" + s3.Bucket + "/audit-logs"
	archive(t, []*logFile{{node: "cp-1", name: "audit-" + time.Now().UTC().Format("2006-01-02T15-04-05.000") + ".log", content: content}}, url,
		[]string{"AWS_ACCESS_KEY_ID=" + s3.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s3.SecretKey}, "--s3-endpoint", s3.Endpoint, "--s3-region", s3.Region, "--s3-path-style")
	db := inTrino(t, trino.Start(t, s3), url, "hive.audit")
	if _, err := ask(t, db, "CREATE VIEW hive.audit.cases AS SELECT "+detectionColumns+" FROM hive.audit.audit"); err != nil {
		t.Fatal(err)
	}
	checkDetections(t, db, s, "hive.audit.cases", want, names)
}
