package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/process"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// loki is a real one with the shipped configuration, which accepts every rate.
type loki struct {
	url     string
	process *process.Process
}

// lokiTool is the Loki of the end-to-end suite.
func lokiTool() builds.Tool {
	return builds.Tool{Module: "e2e/loki/server", Package: "github.com/grafana/loki/v3/cmd/loki", Name: "loki"}
}

// startLoki starts a Loki over an empty directory and waits until it is ready.
func startLoki(ctx context.Context, binary, dir string) (*loki, error) {
	root, err := builds.Root()
	if err != nil {
		return nil, err
	}
	var ports [2]string
	for i := range ports {
		address, err := audittest.FreeAddress()
		if err != nil {
			return nil, err
		}
		_, ports[i], _ = strings.Cut(address, ":")
	}
	cmd := exec.Command(binary, "-config.file="+filepath.Join(root, "manifests", "loki", "loki.yaml"),
		"-server.http-listen-address=127.0.0.1", "-server.http-listen-port="+ports[0], "-server.grpc-listen-port="+ports[1],
		"-common.path-prefix="+dir, "-compactor.working-directory="+filepath.Join(dir, "compactor"),
		"-ruler.rule-path="+filepath.Join(dir, "rules-temp"), "-ruler.storage.local.directory="+filepath.Join(dir, "rules"),
		"-common.storage.filesystem.chunk-directory="+filepath.Join(dir, "chunks"), "-ingester.min-ready-duration=0s",
		"-distributor.ingestion-rate-limit-mb=10000", "-distributor.ingestion-burst-size-mb=10000",
		"-ingester.per-stream-rate-limit=10GB", "-ingester.per-stream-rate-limit-burst=10GB")
	p, err := process.Start("Loki", cmd, filepath.Join(dir, "loki.log"))
	if err != nil {
		return nil, err
	}
	l := &loki{url: "http://127.0.0.1:" + ports[0], process: p}
	err = p.Wait(ctx, 2*time.Minute, func(ctx context.Context) error {
		_, err := l.get(ctx, "/ready")
		return err
	})
	if err != nil {
		p.Kill()
		return nil, err
	}
	return l, nil
}

func (l *loki) name() string { return "a real Loki" }
func (l *loki) base() string { return l.url }
func (l *loki) close()       { l.process.Kill() }

// count implements sink.
func (l *loki) count(ctx context.Context, label, value string) (int, error) {
	query := fmt.Sprintf(`sum(count_over_time({%s=%q}[6h]))`, label, value)
	body, err := l.get(ctx, "/loki/api/v1/query?"+url.Values{"query": {query}, "time": {strconv.FormatInt(time.Now().UnixNano(), 10)}}.Encode())
	if err != nil {
		return 0, err
	}
	return countIn(body)
}

// countIn reads the value of an answer that has one, or none for no lines.
func countIn(answer []byte) (int, error) {
	var a struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return 0, fmt.Errorf("read Loki's answer: %w", err)
	}
	if len(a.Data.Result) == 0 {
		return 0, nil
	}
	text, _ := a.Data.Result[0].Value[1].(string)
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("read Loki's answer: %w", err)
	}
	return n, nil
}

func (l *loki) get(ctx context.Context, path string) ([]byte, error) {
	status, body, err := process.Get(ctx, http.DefaultClient, l.url+path)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("ask Loki: status %d: %s", status, body)
	}
	return body, err
}
