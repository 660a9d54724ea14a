package lokiserver

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/process"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
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

	binary  string
	args    []string
	env     []string
	log     string
	process *process.Process
}

func tool() builds.Tool {
	return builds.Tool{Module: "e2e/loki/server", Package: "github.com/grafana/loki/v3/cmd/loki", Name: "loki"}
}

// Start starts a Loki that ends with the test, and waits until it is ready.
func Start(tb testing.TB, cfg Config) *Server {
	tb.Helper()
	s, err := Run(tb.Context(), tb.TempDir(), cfg, tb.Logf)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		s.Kill()
		if tb.Failed() {
			tb.Logf("Loki's log:\n%s", s.process.Log())
		}
	})
	return s
}

// Run starts a Loki over a directory, which may have the data of an earlier one, and waits
// until it is ready. It ends with this process.
func Run(ctx context.Context, dir string, cfg Config, printf func(format string, args ...any)) (*Server, error) {
	binary, err := tool().Find(ctx, printf)
	if err != nil {
		return nil, err
	}
	root, err := builds.Root()
	if err != nil {
		return nil, err
	}
	address, err := audittest.FreeAddress()
	if err != nil {
		return nil, err
	}
	internal, err := audittest.FreeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := strings.Cut(address, ":")
	_, grpc, _ := strings.Cut(internal, ":")
	s := &Server{URL: "http://" + address, Dir: dir, binary: binary, log: filepath.Join(dir, "loki.log")}
	s.env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "AWS_EC2_METADATA_DISABLED=true"}, cfg.Env...)
	s.args = []string{
		"-config.file=" + filepath.Join(root, cfg.File),
		"-server.http-listen-address=127.0.0.1", "-server.http-listen-port=" + port,
		"-server.grpc-listen-port=" + grpc,
		"-common.path-prefix=" + dir,
		"-compactor.working-directory=" + filepath.Join(dir, "compactor"),
		"-ruler.rule-path=" + filepath.Join(dir, "rules-temp"),
		"-ruler.storage.local.directory=" + filepath.Join(dir, "rules"),
		"-ingester.min-ready-duration=0s",
	}
	if !strings.Contains(cfg.File, "s3") {
		s.args = append(s.args, "-common.storage.filesystem.chunk-directory="+filepath.Join(dir, "chunks"))
	}
	if err := writeRules(dir, cfg.Rules); err != nil {
		return nil, err
	}
	s.args = append(s.args, cfg.Args...)
	return s, s.resume(ctx)
}

// Resume starts the Loki again after Kill, at the same address with the same
// data, and waits until it is ready.
func (s *Server) Resume(tb testing.TB) {
	tb.Helper()
	if err := s.resume(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

func (s *Server) resume(ctx context.Context) error {
	cmd := exec.Command(s.binary, s.args...)
	cmd.Env = s.env
	p, err := process.Start("Loki", cmd, s.log)
	if err != nil {
		return err
	}
	s.process = p
	return p.Wait(ctx, 5*time.Minute, func(ctx context.Context) error {
		_, err := s.Get(ctx, "/ready")
		return err
	})
}

// Kill ends Loki at once, as a crash does. Its data stay.
func (s *Server) Kill() { s.process.Kill() }

// Restart starts Loki again after its end, at the same address with the same data.
func (s *Server) Restart(ctx context.Context) error { return s.resume(ctx) }

// Done is closed when the process has ended.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// PID is the number of the process.
func (s *Server) PID() int { return s.process.PID() }

// writeRules puts the rules where the ruler looks for those of the one tenant.
func writeRules(dir string, rules []byte) error {
	path := filepath.Join(dir, "rules", "fake")
	if err := os.MkdirAll(path, 0o755); err != nil || rules == nil {
		return err
	}
	return os.WriteFile(filepath.Join(path, "rules.yaml"), rules, 0o600)
}

// Get asks for a path and returns the body of a 200; any other answer is an
// error.
func (s *Server) Get(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
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

// Flush has Loki write its memory to the store.
func (s *Server) Flush(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/flush", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("flush Loki: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent && resp.StatusCode != http.StatusOK {
		return fmt.Errorf("flush Loki: %s", resp.Status)
	}
	return nil
}
