package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// families scrapes the program while it runs, with both sinks.
func families(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "audit", backup), fewLines(t, 3))
	put(t, filepath.Join(dir, "audit", "audit.log"), fewLines(t, 3))
	ctx, stop := context.WithCancel(t.Context())
	log := new(logBuffer)
	root := newRoot("v1.2.3")
	root.SetArgs([]string{
		"run", "--audit-log-path", filepath.Join(dir, "audit", "audit.log"), "--archive-url", "file://" + filepath.Join(dir, "archive"),
		"--cluster", "production", "--node", "cp-1", "--loki-url", "http://127.0.0.1:1", "--log-format", "json",
		"--listen", "127.0.0.1:0", "--shutdown-timeout", "1s",
	})
	root.SetErr(log)
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	defer func() {
		stop()
		must(t, <-ended)
		http.DefaultClient.CloseIdleConnections()
	}()
	address := regexp.MustCompile(`"address":"([^"]+)"`)
	for range 600 {
		if m := address.FindStringSubmatch(log.String()); m != nil {
			// The last that come are those of a record that is in the archive.
			if all := scrape(t, "http://"+m[1]+"/metrics"); all["auditsidecar_chain_head"] != nil && all["auditsidecar_loki_pushes_total"] != nil {
				return all
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("no metrics; log:\n%s", log)
	return nil
}

func scrape(t *testing.T, url string) map[string]*dto.MetricFamily {
	t.Helper()
	resp, err := http.Get(url)
	must(t, err)
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(resp.Body)
	must(t, err)
	return all
}

// logBuffer is written by the program while the test reads it.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const metricsIntro = `# Metrics

<!-- Made from the running program by ` + "`make reference`" + `. Do not edit. -->

` + "`/metrics`" + ` of ` + "`auditsidecar run`" + `, with every series there from the first scrape, so that an alert on an increase sees the first one.
[manifests/prometheus](../manifests/prometheus) has the alerts and how to scrape, [operations.md](operations.md) what to do at each alert,
[manifests/grafana](../manifests/grafana) a dashboard. Beside these there are ` + "`process_*` and `go_*`" + `, as in any Go program.

| metric | type | labels | |
|---|---|---|---|
`

// The page has every metric; and the rules, the dashboards and the documents
// name none that the program does not have.
func TestMetricsReference(t *testing.T) {
	all := families(t)
	var names []string
	for name := range all {
		if strings.HasPrefix(name, "auditsidecar_") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString(metricsIntro)
	for _, name := range names {
		f := all[name]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, strings.ToLower(f.GetType().String()), cell(labelsOf(f)), cell(f.GetHelp()))
	}
	isCurrent(t, "../../docs/metrics.md", b.String())
	namesAreKnown(t, all)
}

// labelsOf lists the labels, with their values where these are a few words.
func labelsOf(f *dto.MetricFamily) string {
	var names []string
	values := map[string][]string{}
	for _, m := range f.GetMetric() {
		for _, l := range m.GetLabel() {
			if !slices.Contains(names, l.GetName()) {
				names = append(names, l.GetName())
			}
			if !slices.Contains(values[l.GetName()], l.GetValue()) {
				values[l.GetName()] = append(values[l.GetName()], l.GetValue())
			}
		}
	}
	var cells []string
	for _, name := range names {
		text := "`" + name + "`"
		if len(values[name]) > 1 {
			text += ": " + strings.Join(values[name], ", ")
		}
		cells = append(cells, text)
	}
	return strings.Join(cells, "; ")
}

var metricName = regexp.MustCompile(`\bauditsidecar_[a-z0-9_]*[a-z0-9]`)

func namesAreKnown(t *testing.T, all map[string]*dto.MetricFamily) {
	t.Helper()
	paths := texts(t)
	for _, pattern := range []string{"../../manifests/grafana/dashboards/*.json", "../../manifests/prometheus/*/*.yaml"} {
		found, err := filepath.Glob(pattern)
		must(t, err)
		if len(found) == 0 {
			t.Errorf("nothing is %s", pattern)
		}
		paths = append(paths, found...)
	}
	named := map[string]bool{}
	for _, path := range paths {
		for _, name := range metricName.FindAllString(string(readFile(t, path)), -1) {
			named[name] = true
			family := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
			if all[name] == nil && (all[family] == nil || all[family].GetType() != dto.MetricType_HISTOGRAM) {
				t.Errorf("%s: there is no metric %s", path, name)
			}
		}
	}
	if len(named) < 20 {
		t.Errorf("only %d metrics are named", len(named))
	}
}
