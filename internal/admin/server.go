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
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
)

// Config configures a Server.
type Config struct {
	// Address is where the node itself asks, without TLS: host:port, on
	// loopback.
	Address string
	// Hosts are names that may be asked for there, besides localhost and addresses.
	Hosts []string
	// TLSAddress is where others ask, with TLS and an account or a client
	// certificate as WebConfig says; empty: nowhere.
	TLSAddress string
	// WebConfig is a file in the form of Prometheus' exporters; see [CheckWebConfig].
	WebConfig string
	// Pprof adds Go's profiles under /debug/pprof/.
	Pprof bool
	// Health has the loops.
	Health *Health
	// Metrics are what /metrics and the page show.
	Metrics prometheus.Gatherer
	// Report describes the program, for the page. It may be called by several
	// goroutines at once.
	Report func() Report
	// Log receives errors of connections.
	Log zerolog.Logger

	limits limits // for tests; zero: the usual ones
}

// limits bound the cost of one client.
type limits struct {
	conns  int           // open at a time, on each address
	header time.Duration // to send the header of a request
	idle   time.Duration // between two requests
}

func usualLimits() limits { return limits{conns: 64, header: 5 * time.Second, idle: time.Minute} }

// Server answers operators' requests.
type Server struct {
	board *board
	doors []door
}

// door is one address.
type door struct {
	listener net.Listener
	server   *http.Server
	serve    func() error
}

// Listen opens the addresses, so that a port in use is an error at start, and
// returns a server that answers once it runs.
func Listen(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.limits == (limits{}) {
		cfg.limits = usualLimits()
	}
	b := &board{health: cfg.Health, metrics: cfg.Metrics, report: cfg.Report}
	handler, err := routes(cfg, b)
	if err != nil {
		return nil, err
	}
	local, err := open(ctx, "--listen", cfg.Address, cfg, handler)
	if err != nil {
		return nil, err
	}
	s := &Server{board: b, doors: []door{local}}
	if cfg.TLSAddress == "" {
		return s, nil
	}
	outer, err := open(ctx, "--listen-tls", cfg.TLSAddress, cfg, handler)
	if err != nil {
		return nil, errors.Join(err, local.listener.Close())
	}
	outer.serve = func() error { return serveTLS(outer.listener, outer.server, cfg.WebConfig, cfg.Log) }
	s.doors = append(s.doors, outer)
	return s, nil
}

// routes says who answers what.
func routes(cfg Config, b *board) (http.Handler, error) {
	p, err := newPage(b)
	if err != nil {
		return nil, fmt.Errorf("read the status page: %w", err)
	}
	mux := http.NewServeMux()
	home := func(path string, next http.Handler) { mux.Handle("GET "+path, atHome(cfg.Hosts, next)) }
	home("/metrics", promhttp.HandlerFor(cfg.Metrics, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /livez", cfg.Health.livez)
	home("/readyz", http.HandlerFunc(b.readyz))
	home("/{$}", p)
	home("/status.json", http.HandlerFunc(b.json))
	mux.Handle("GET /style.css", http.FileServerFS(assets))
	mux.Handle("GET /icon.svg", http.FileServerFS(assets))
	if cfg.Pprof {
		home("/debug/pprof/", profiles())
	}
	return guarded(mux), nil
}

func open(ctx context.Context, flag, address string, cfg Config, handler http.Handler) (door, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return door{}, fmt.Errorf("listen for /metrics and /readyz: another process uses %s; give a free port as %s: %w", address, flag, err)
	}
	if err != nil {
		return door{}, fmt.Errorf("listen for /metrics and /readyz (%s): %w", flag, err)
	}
	pool := newConnPool(listener, cfg.limits.conns)
	d := door{listener: pool}
	d.server = &http.Server{
		Handler:           pool.admit(handler),
		ConnContext:       connContext,
		ReadHeaderTimeout: cfg.limits.header,
		ReadTimeout:       2 * cfg.limits.header,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       cfg.limits.idle,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          connectionLog(cfg.Log),
	}
	d.serve = func() error { return d.server.Serve(d.listener) }
	return d, nil
}

// Address returns the address on which the node asks, with the port that was
// chosen where the setting said 0.
func (s *Server) Address() string { return s.doors[0].listener.Addr().String() }

// TLSAddress is the same for others; empty where they cannot ask.
func (s *Server) TLSAddress() string {
	if len(s.doors) < 2 {
		return ""
	}
	return s.doors[1].listener.Addr().String()
}

// Run answers, and takes samples for the rates and the metrics of the page, until ctx is done or a
// door fails; requests under way get a second to end.
func (s *Server) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, d := range s.doors {
		g.Go(func() error {
			if err := d.serve(); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("answer on %s: %w", d.listener.Addr(), err)
			}
			return nil
		})
		g.Go(func() error {
			<-ctx.Done()
			return d.close(context.WithoutCancel(ctx))
		})
	}
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		s.board.sample()
		select {
		case <-ctx.Done():
			return g.Wait()
		case <-tick.C:
		}
	}
}

// close ends a door also if it was never served.
func (d door) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err := d.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = d.server.Close()
	}
	if closing := d.listener.Close(); !errors.Is(closing, net.ErrClosed) {
		err = errors.Join(err, closing)
	}
	return err
}
