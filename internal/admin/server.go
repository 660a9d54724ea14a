package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Server answers /metrics, /livez and /readyz.
type Server struct {
	listener net.Listener
	server   *http.Server
}

// Listen opens the address, host:port, so that a port in use is an error at
// start, and returns a server that answers once it runs.
func Listen(ctx context.Context, address string, health *Health, metrics prometheus.Gatherer) (*Server, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen for /metrics and /readyz: another process uses %s; give a free port as --listen: %w", address, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for /metrics and /readyz (--listen): %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /livez", health.livez)
	mux.HandleFunc("GET /readyz", health.readyz)
	return &Server{listener: listener, server: &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}}, nil
}

// Address returns the address it listens on, with the port that was chosen
// where the setting said 0.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Run answers until ctx is done; requests under way get a second to end.
func (s *Server) Run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(s.listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("answer on %s: %w", s.Address(), err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := s.server.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.server.Close()
	}
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
