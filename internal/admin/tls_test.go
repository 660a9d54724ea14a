package admin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// identity makes a certificate that is its own CA, for servers and clients.
func identity(t *testing.T, dir string) (pool *x509.CertPool, pair tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM, keyPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	write(t, filepath.Join(dir, "tls.crt"), string(certPEM))
	write(t, filepath.Join(dir, "tls.key"), string(keyPEM))
	if pair, err = tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return pool, pair
}

func write(t *testing.T, file, content string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const withTLS = "tls_server_config: {cert_file: tls.crt, key_file: tls.key}\n"

func account(t *testing.T, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return "basic_auth_users: {prometheus: '" + string(hash) + "'}\n"
}

// ask makes one request with TLS; the status is 0 where no connection is made.
func askTLS(url string, trust *x509.CertPool, password string, certificates ...tls.Certificate) int {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: trust, Certificates: certificates},
	}}
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return -1
	}
	if password != "" {
		req.SetBasicAuth("prometheus", password)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// From outside the node only those are answered whom the file names; on the
// node's own address no client is authenticated.
func TestTLSAccounts(t *testing.T) {
	dir := t.TempDir()
	trust, _ := identity(t, dir)
	cfg := newFixture().config("127.0.0.1:0")
	cfg.TLSAddress, cfg.WebConfig = "127.0.0.1:0", write(t, filepath.Join(dir, "web.yml"), withTLS+account(t, "right"))
	s, stop := serve(t, cfg)
	url := "https://" + s.TLSAddress()
	for _, path := range []string{"/", "/metrics", "/status.json", "/livez", "/style.css"} {
		for password, want := range map[string]int{"": 401, "wrong": 401, "right": 200} {
			if got := askTLS(url+path, trust, password); got != want {
				t.Errorf("%s with password %q: %d, want %d", path, password, got, want)
			}
		}
	}
	if got := askTLS("http://"+s.TLSAddress()+"/metrics", trust, "right"); got != 400 {
		t.Errorf("without TLS: %d", got)
	}
	if code, _ := request(t, "GET", "http://"+s.Address()+"/livez"); code != 200 {
		t.Errorf("on the node: %d", code)
	}
	// An account that is removed while it runs admits no one.
	write(t, cfg.WebConfig, withTLS)
	if got := askTLS(url+"/metrics", trust, ""); got != 401 {
		t.Errorf("after the accounts were removed: %d", got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestTLSClientCertificates(t *testing.T) {
	dir := t.TempDir()
	trust, client := identity(t, dir)
	other := t.TempDir()
	_, stranger := identity(t, other)
	cfg := newFixture().config("127.0.0.1:0")
	cfg.TLSAddress = "127.0.0.1:0"
	cfg.WebConfig = write(t, filepath.Join(dir, "web.yml"),
		"tls_server_config: {cert_file: tls.crt, key_file: tls.key, client_ca_file: tls.crt, client_auth_type: RequireAndVerifyClientCert}\n")
	if err := CheckWebConfig(cfg.WebConfig); err != nil {
		t.Error(err)
	}
	s, stop := serve(t, cfg)
	url := "https://" + s.TLSAddress() + "/metrics"
	if got := askTLS(url, trust, "", client); got != 200 {
		t.Errorf("with its certificate: %d", got)
	}
	if got := askTLS(url, trust, ""); got != 0 {
		t.Errorf("without: %d", got)
	}
	if got := askTLS(url, trust, "", stranger); got != 0 {
		t.Errorf("with a certificate of somebody else: %d", got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestCheckWebConfig(t *testing.T) {
	dir := t.TempDir()
	identity(t, dir)
	key, err := os.ReadFile(filepath.Join(dir, "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ content, want string }{
		"an account":   {withTLS + account(t, "x"), ""},
		"empty":        {"", "no tls_server_config"},
		"no TLS":       {account(t, "x"), "no tls_server_config"},
		"no account":   {withTLS, "no client is authenticated"},
		"no check":     {"tls_server_config: {cert_file: tls.crt, key_file: tls.key, client_auth_type: RequestClientCert}\n", "no client is authenticated"},
		"a plain word": {withTLS + "basic_auth_users: {prometheus: secret}\n", "web.yml"},
		"unknown":      {withTLS + "tls: 1\n", "web.yml"},
		"no such cert": {"tls_server_config: {cert_file: no.crt, key_file: tls.key}\n" + account(t, "x"), "no.crt"},
		"a key in it":  {"tls_server_config:\n  cert_file: tls.crt\n  key: |\n    " + strings.ReplaceAll(string(key), "\n", "\n    ") + "\n" + account(t, "x"), "use key_file"},
	} {
		err := CheckWebConfig(write(t, filepath.Join(dir, "web.yml"), test.content))
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if err := CheckWebConfig(filepath.Join(dir, "none.yml")); err == nil || !strings.Contains(err.Error(), "none.yml") {
		t.Errorf("no file: %v", err)
	}
}
