package lokiserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Config says which Loki.
type Config struct {
	// File is the configuration, as a path from the root of the repository.
	File string
	// Rules is the ruler's rule file, if any.
	Rules []byte
	// Args are further flags; they win over the file.
	Args []string
	// Env are further variables ("name=value").
	Env []string
}

// Server is a running Loki.
type Server struct {
	URL    string // http://127.0.0.1:port
	Dir    string // its data
	Tenant string // sent with queries where not empty

	log     string
	process *exec.Cmd
}

// Start starts a Loki that ends with the test, and waits until it is ready.
func Start(tb testing.TB, cfg Config) *Server {
	tb.Helper()
	binary, dir := Binary(tb), tb.TempDir()
	address := freeAddress(tb)
	_, port, _ := strings.Cut(address, ":")
	_, grpc, _ := strings.Cut(freeAddress(tb), ":")
	s := &Server{URL: "http://" + address, Dir: dir, log: filepath.Join(dir, "loki.log")}
	log, err := os.Create(s.log)
	if err != nil {
		tb.Fatal(err)
	}
	defer log.Close()
	args := []string{
		"-config.file=" + filepath.Join(Repository(tb), cfg.File),
		"-server.http-listen-address=127.0.0.1", "-server.http-listen-port=" + port,
		"-server.grpc-listen-port=" + grpc,
		"-common.path-prefix=" + dir,
		"-compactor.working-directory=" + filepath.Join(dir, "compactor"),
		"-ruler.rule-path=" + filepath.Join(dir, "rules-temp"),
		"-ruler.storage.local.directory=" + filepath.Join(dir, "rules"),
		"-ingester.min-ready-duration=0s",
	}
	if !strings.Contains(cfg.File, "s3") {
		args = append(args, "-common.storage.filesystem.chunk-directory="+filepath.Join(dir, "chunks"))
	}
	if err := writeRules(dir, cfg.Rules); err != nil {
		tb.Fatal(err)
	}
	s.process = exec.Command(binary, append(args, cfg.Args...)...)
	s.process.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "AWS_EC2_METADATA_DISABLED=true"}, cfg.Env...)
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		tb.Fatalf("start Loki: %v", err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.process.Wait() }()
	tb.Cleanup(func() { s.stop(tb, ended) })
	s.waitReady(tb, ended)
	return s
}

// writeRules puts the rules where the ruler looks for those of the one tenant.
func writeRules(dir string, rules []byte) error {
	path := filepath.Join(dir, "rules", "fake")
	if err := os.MkdirAll(path, 0o755); err != nil || rules == nil {
		return err
	}
	return os.WriteFile(filepath.Join(path, "rules.yaml"), rules, 0o600)
}

func freeAddress(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// stop ends Loki: it has nothing to keep, so not by its own slow way.
func (s *Server) stop(tb testing.TB, ended <-chan struct{}) {
	tb.Helper()
	_ = s.process.Process.Signal(syscall.SIGKILL)
	<-ended
	if tb.Failed() {
		tb.Logf("Loki's log:\n%s", s.Log())
	}
}

// Log returns the end of what Loki has logged.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-6000):])
}

func (s *Server) waitReady(tb testing.TB, ended <-chan struct{}) {
	tb.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for time.Now().Before(deadline) {
		select {
		case <-ended:
			tb.Fatalf("Loki ended:\n%s", s.Log())
		case <-time.After(100 * time.Millisecond):
		}
		if _, err := s.Get(tb.Context(), "/ready"); err == nil {
			return
		}
	}
	tb.Fatalf("Loki is not ready at %s:\n%s", s.URL, s.Log())
}

// Get asks for a path and returns the body of a 200; any other answer is an
// error.
func (s *Server) Get(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	if s.Tenant != "" {
		req.Header.Set("X-Scope-OrgID", s.Tenant)
	}
	// Structured metadata apart from the labels of the stream.
	req.Header.Set("X-Loki-Response-Encoding-Flags", "categorize-labels")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %s", path[:min(len(path), 200)], resp.Status, strings.TrimSpace(string(body[:min(len(body), 500)])))
	}
	return body, nil
}
