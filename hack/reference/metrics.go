package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/cli"
)

const metricsIntro = `# Metrics

<!-- Made from the running program by ` + "`make reference`" + `. Do not edit. -->

` + "`/metrics`" + ` of ` + "`auditsidecar run`" + `, with every series of fixed labels there from the first scrape, so that an alert on an increase sees the first one.
[manifests/prometheus](../manifests/prometheus) has the alerts and how to scrape, [operations.md](operations.md) what to do at each alert,
[manifests/grafana](../manifests/grafana) a dashboard. Beside these there are ` + "`process_*` and `go_*`" + `, as in any Go program.

| metric | type | labels | |
|---|---|---|---|
`

// metrics is docs/metrics.md, made from a scrape of the running program.
func metrics() (string, error) {
	all, err := families()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(metricsIntro)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if strings.HasPrefix(name, "auditsidecar_") {
			f := all[name]
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, strings.ToLower(f.GetType().String()), cell(labelsOf(f)), cell(f.GetHelp()))
		}
	}
	return b.String(), nil
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

// families scrapes the program while it runs with both sinks.
func families() (all map[string]*dto.MetricFamily, err error) {
	dir, err := os.MkdirTemp("", "reference-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"audit-2026-01-01T00-00-00.000.log", "audit.log"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}\n"), 0o600); err != nil {
			return nil, err
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	log := new(audittest.Log)
	root := cli.NewRoot("")
	root.SetArgs([]string{
		"run", "--audit-log-path", filepath.Join(dir, "audit.log"), "--archive-url", "file://" + filepath.Join(dir, "archive"),
		"--cluster", "production", "--node", "cp-1", "--loki-url", "http://127.0.0.1:1", "--log-format", "json",
		"--listen", "127.0.0.1:0", "--shutdown-timeout", "1s",
	})
	root.SetErr(log)
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()
	address := regexp.MustCompile(`"address":"([^"]+)"`)
	for range 1200 {
		time.Sleep(100 * time.Millisecond)
		m := address.FindStringSubmatch(log.String())
		if m == nil {
			continue
		}
		all, err := scrape("http://" + m[1] + "/metrics")
		if err != nil {
			return nil, err
		}
		// These come last: the first record is in the archive, the first push was made.
		if all["auditsidecar_chain_head"] != nil && all["auditsidecar_loki_pushes_total"] != nil {
			return all, nil
		}
	}
	return nil, fmt.Errorf("no metrics after two minutes; log:\n%s", log)
}

func scrape(url string) (map[string]*dto.MetricFamily, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(resp.Body)
}
