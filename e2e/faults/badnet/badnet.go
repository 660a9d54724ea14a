package badnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Condition is the state of the network and of the sink behind it. The zero
// Condition passes everything through.
type Condition struct {
	// Unavailable resets every connection, those that are open included.
	Unavailable bool
	// Status, where not 0, answers every request with this status, after its
	// body was read; the sink does not see it.
	Status int
	// LoseAnswer carries the request out and cuts the connection instead of
	// answering.
	LoseAnswer bool
	// BytesPerSecond, where not 0, is how fast a request's body is read.
	BytesPerSecond int
}

// Server is a sink behind a bad network. Its methods may be called from
// several goroutines.
type Server struct {
	listener net.Listener
	server   *http.Server
	sink     http.Handler
	served   chan struct{} // closed when Serve has returned

	inFlight atomic.Int64
	lost     atomic.Int64

	mu    sync.Mutex
	now   Condition
	conns map[net.Conn]struct{}
}

// Start listens on a free loopback port. The caller closes the server.
func Start(sink http.Handler) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a bad network: %w", err)
	}
	s := &Server{listener: l, sink: sink, served: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	s.server = &http.Server{Handler: s, ConnState: s.track, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.served)
		_ = s.server.Serve(l) // ends with Close
	}()
	return s, nil
}

// URL is the address, http://127.0.0.1:PORT.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Set changes the condition for every request from now on; a body that is
// being read continues at the new speed.
func (s *Server) Set(c Condition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = c
	if c.Unavailable {
		for conn := range s.conns {
			reset(conn)
		}
	}
}

// InFlight is the number of requests that have arrived and are not answered.
func (s *Server) InFlight() int { return int(s.inFlight.Load()) }

// Lost is the number of answers that were lost so far.
func (s *Server) Lost() int { return int(s.lost.Load()) }

// Close ends the server and its connections.
func (s *Server) Close() error {
	err := s.server.Close()
	<-s.served
	return err
}

func (s *Server) condition() Condition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// track keeps the open connections, and resets new ones while away.
func (s *Server) track(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.conns[conn] = struct{}{}
		if s.now.Unavailable {
			reset(conn)
		}
	case http.StateClosed, http.StateHijacked:
		delete(s.conns, conn)
	}
}

// reset closes a connection in the way that its peer sees as an error.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	c := s.condition()
	req.Body = &slowBody{ReadCloser: req.Body, server: s, ctx: req.Context()}
	switch {
	case c.Unavailable:
		s.cut(w)
	case c.Status != 0:
		_, _ = io.Copy(io.Discard, req.Body) // the client may have gone
		http.Error(w, http.StatusText(c.Status), c.Status)
	case c.LoseAnswer:
		s.sink.ServeHTTP(&nowhere{header: http.Header{}}, req)
		s.lost.Add(1)
		s.cut(w)
	default:
		s.sink.ServeHTTP(w, req)
	}
}

func (s *Server) cut(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		reset(conn)
	}
}

// nowhere takes an answer without a receiver.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n *nowhere) WriteHeader(int)             {}

// slowBody reads a body at the server's present speed.
type slowBody struct {
	io.ReadCloser
	server *Server
	ctx    context.Context //nolint:containedctx // of the request whose body this is
}

// tick is the time between two reads of a slow body.
const tick = 100 * time.Millisecond

// Read reads as much as one tick allows.
func (b *slowBody) Read(p []byte) (int, error) {
	speed := b.server.condition().BytesPerSecond
	if speed > 0 {
		select {
		case <-b.ctx.Done():
			return 0, b.ctx.Err()
		case <-time.After(tick):
		}
		p = p[:min(len(p), max(1, speed*int(tick/time.Millisecond)/1000))]
	}
	return b.ReadCloser.Read(p)
}

// Forward is the sink at a real server's address.
func Forward(address string) (http.Handler, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("forward to %q: %w", address, err)
	}
	if target.Host == "" {
		return nil, errors.New("forward: the address has no host")
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // the signature covers it
		},
		Transport:    &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}, nil
}
