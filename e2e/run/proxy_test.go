//go:build e2e

package run

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// The hosts behind the proxy, which no name server knows.
const (
	s3Host   = "s3.invalid"
	lokiHost = "loki.invalid"
)

// A proxy is the only way to S3 and Loki: both are reached through it, by CONNECT, with TLS from end to end, in Go's FIPS mode. A host in
// NO_PROXY is not asked for through the proxy.
func TestProxy(t *testing.T) {
	s := s3server.Start(t)
	r := newFixture(t, audittest.Config{})
	r.onS3(s, s.Bucket)
	r.serve()
	authority, certificate := authority(t)
	p := &proxy{to: map[string]string{
		s3Host + ":443":   front(t, certificate, s.Endpoint),
		lokiHost + ":443": front(t, certificate, "http://"+r.addr),
	}, asked: make(map[string]int)}
	through := httptest.NewServer(p)
	t.Cleanup(through.Close)

	r.args[1], r.lokiURL = "https://"+s3Host, "https://"+lokiHost
	credentials := r.env
	r.env = append(credentials, "SSL_CERT_FILE="+authority, "HTTPS_PROXY="+through.URL, "NO_PROXY=169.254.169.254,127.0.0.1", "GODEBUG=fips140=on")
	process := r.start()
	r.replay(500, linesPerSecond, 200*time.Millisecond)
	r.waitLoki()
	r.waitArchived(process, len(r.finished()))
	r.waitReady(process, true)
	r.stop(process)
	r.checkLoki()
	r.checkArchive()
	store, loki := p.count(s3Host), p.count(lokiHost)
	if store == 0 || loki == 0 {
		t.Errorf("through the proxy went %d connections to S3 and %d to Loki", store, loki)
	}

	r.env = append(credentials, "SSL_CERT_FILE="+authority, "HTTPS_PROXY="+through.URL, "NO_PROXY=169.254.169.254,127.0.0.1,"+lokiHost)
	process = r.start()
	r.replay(500, linesPerSecond, 200*time.Millisecond)
	r.waitReady(process, false, "lookup "+lokiHost)
	r.waitArchived(process, 1)
	r.stop(process)
	if p.count(s3Host) == store || p.count(lokiHost) != loki {
		t.Errorf("with %s in NO_PROXY: connections to S3 %d, before %d; to Loki %d, before %d", lokiHost, p.count(s3Host), store, p.count(lokiHost), loki)
	}
}

// The region, and AWS_USE_FIPS_ENDPOINT, say which host is asked: the table of manifests/aws/README.md.
func TestEndpoints(t *testing.T) {
	for _, test := range []struct{ region, fips, host string }{
		{region: "eu-central-1", host: "audit-e2e.s3.eu-central-1.amazonaws.com"},
		{region: "us-gov-west-1", host: "audit-e2e.s3.us-gov-west-1.amazonaws.com"},
		{region: "us-gov-west-1", fips: "true", host: "audit-e2e.s3-fips.us-gov-west-1.amazonaws.com"},
		{region: "us-east-1", fips: "true", host: "audit-e2e.s3-fips.us-east-1.amazonaws.com"},
		{region: "cn-north-1", host: "audit-e2e.s3.cn-north-1.amazonaws.com.cn"},
	} {
		t.Run(test.host, func(t *testing.T) {
			t.Parallel()
			p := &proxy{asked: make(map[string]int)} // refuses all
			through := httptest.NewServer(p)
			t.Cleanup(through.Close)
			v := sidecar.Call(t, catchUp, sidecar.Config{
				Binary: binary, Args: []string{"ls", "s3://audit-e2e/logs", "--s3-region", test.region},
				Env: []string{"AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=y", "AWS_USE_FIPS_ENDPOINT=" + test.fips, "HTTPS_PROXY=" + through.URL},
			})
			if v.Code == 0 || p.count(test.host) == 0 || len(p.asked) != 1 {
				t.Errorf("exit %d, asked for %v\n%s", v.Code, p.asked, v.Stderr)
			}
		})
	}
}

// proxy is a forward proxy that knows hosts by name and takes CONNECT alone.
type proxy struct {
	to map[string]string // host:port to the address that it stands for

	mu    sync.Mutex
	asked map[string]int
}

// count is how many connections to a host's port 443 were asked for.
func (p *proxy) count(host string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[host+":443"]
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked[r.Host]++
	p.mu.Unlock()
	to, known := p.to[r.Host]
	if r.Method != http.MethodConnect || !known {
		http.Error(w, r.Method+" "+r.Host+": refused", http.StatusForbidden)
		return
	}
	out, err := net.Dial("tcp", to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer out.Close()
	in, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer in.Close()
	if _, err := in.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		return
	}
	ended := make(chan struct{}, 2)
	for _, way := range []struct {
		to   io.Writer
		from io.Reader
	}{{out, buffered}, {in, out}} {
		go func() {
			_, _ = io.Copy(way.to, way.from) // ends with either connection
			ended <- struct{}{}
		}()
	}
	<-ended
}

// front serves a server of plain HTTP by TLS, and returns its address.
func front(t *testing.T, certificate tls.Certificate, to string) string {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}})
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// authority makes a certificate of both hosts that is its own authority, and returns the file that it is trusted by.
func authority(t *testing.T) (file string, certificate tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "e2e"}, DNSNames: []string{s3Host, lokiHost},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
