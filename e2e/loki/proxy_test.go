package loki

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
)

// lossyProxy stands before Loki and loses answers: the push has arrived, and
// the client cannot know it.
type lossyProxy struct {
	server *httptest.Server
	pushes atomic.Int64
	lost   atomic.Int64
}

// newLossyProxy loses one answer of every n.
func newLossyProxy(t *testing.T, target string, n int64) *lossyProxy {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p := new(lossyProxy)
	forward := httputil.NewSingleHostReverseProxy(to)
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if p.pushes.Add(1)%n != 0 {
			forward.ServeHTTP(w, req)
			return
		}
		forward.ServeHTTP(httptest.NewRecorder(), req)
		p.lost.Add(1)
		panic(http.ErrAbortHandler) // net/http's way to break the connection
	}))
	t.Cleanup(p.server.Close)
	return p
}

// URL is where to push to.
func (p *lossyProxy) URL() string { return p.server.URL }

// Lost is how many answers were lost.
func (p *lossyProxy) Lost() int64 { return p.lost.Load() }
