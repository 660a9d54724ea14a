package admin

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// connPool bounds the open connections of a listener. At the limit, a new connection replaces
// the least recently used one that waits for its client: it is idle, sends its header slowly, or
// does not read. So held connections cannot lock out kubelet's probe. One that was just accepted
// is not replaced: clients that come again at once would drive out a probe before it is read.
type connPool struct {
	net.Listener
	limit int

	mu      sync.Mutex
	changed sync.Cond     // a connection waits or was closed; its lock is mu
	conns   []*pooledConn // least recently used first
	busy    int           // requests being answered, other than /livez
}

func newConnPool(l net.Listener, limit int) *connPool {
	p := &connPool{Listener: l, limit: limit}
	p.changed.L = &p.mu
	return p
}

// pooledConn is a connection of a pool; the pool's lock guards its counts.
type pooledConn struct {
	net.Conn
	pool  *connPool
	busy  int // its share of pool.busy
	waits int // calls of Read and Write under way
	used  time.Time
}

// connGrace is how long a connection may wait for its client before it is replaced.
const connGrace = 200 * time.Millisecond

// Accept waits for the next connection and makes room for it.
func (p *connPool) Accept() (net.Conn, error) {
	conn, err := p.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // http.Server looks at its type
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.conns) >= p.limit {
		// admit leaves half of the connections without a request that takes time.
		i := slices.IndexFunc(p.conns, func(c *pooledConn) bool { return c.busy == 0 && c.waits > 0 })
		if i < 0 {
			p.changed.Wait()
			continue
		}
		if grace := connGrace - time.Since(p.conns[i].used); grace > 0 {
			timer := time.AfterFunc(grace, p.changed.Signal)
			p.changed.Wait()
			timer.Stop()
			continue
		}
		_ = p.conns[i].Conn.Close()
		p.conns = slices.Delete(p.conns, i, i+1)
	}
	c := &pooledConn{Conn: conn, pool: p, used: time.Now()}
	p.conns = append(p.conns, c)
	return c, nil
}

// Read reads from the client.
func (c *pooledConn) Read(b []byte) (int, error) {
	c.wait(1)
	defer c.wait(-1)
	return c.Conn.Read(b) //nolint:wrapcheck // it must be the connection's own error
}

// Write writes to the client.
func (c *pooledConn) Write(b []byte) (int, error) {
	c.wait(1)
	defer c.wait(-1)
	return c.Conn.Write(b) //nolint:wrapcheck // it must be the connection's own error
}

func (c *pooledConn) wait(n int) {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	c.waits += n
	c.pool.changed.Signal()
}

// Close closes the connection and gives up its place.
func (c *pooledConn) Close() error {
	c.pool.mu.Lock()
	c.pool.conns = slices.DeleteFunc(c.pool.conns, func(o *pooledConn) bool { return o == c })
	c.pool.changed.Signal()
	c.pool.mu.Unlock()
	return c.Conn.Close() //nolint:wrapcheck // it must be the connection's own error
}

type pooledConnKey struct{}

// connContext lets admit find the connection of a request.
func connContext(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, pooledConnKey{}, c)
}

// admit answers at most half as many requests at a time as there may be connections. Those for
// /livez do not count and are never refused.
func (p *connPool) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(pooledConnKey{}).(*pooledConn)
		if r.URL.Path == "/livez" || !ok {
			next.ServeHTTP(w, r)
			return
		}
		if !p.begin(c) {
			w.Header().Set("Connection", "close")
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many requests at a time, try again", http.StatusServiceUnavailable)
			return
		}
		defer p.end(c)
		next.ServeHTTP(w, r)
	})
}

func (p *connPool) begin(c *pooledConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy >= p.limit/2 {
		return false
	}
	p.busy++
	c.busy++
	return true
}

func (p *connPool) end(c *pooledConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
	c.busy--
	p.changed.Signal()
	if i := slices.Index(p.conns, c); i >= 0 {
		c.used = time.Now()
		p.conns = append(slices.Delete(p.conns, i, i+1), c)
	}
}
