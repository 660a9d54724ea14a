package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	certutil "k8s.io/client-go/util/cert"

	"github.com/auditsidecar/auditsidecar/e2e/process"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// Config configures an APIServer.
type Config struct {
	Binary   string
	EtcdURL  string
	Prefix   string   // of the keys in etcd: one for each cluster
	Dir      string   // for certificates, tokens and the server's own log
	AuditDir string   // the log is audit.log in it
	Policy   []byte   // audit policy
	Flags    []string // more flags, such as --audit-log-maxsize=1
}

// APIServer is kube-apiserver. It can be started again after it was ended, at
// the same port over the same data.
type APIServer struct {
	cfg     Config
	port    int
	token   string
	process *process.Process // nil while it does not run
}

// New prepares a server; Start starts it.
func New(cfg Config) (*APIServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	a := &APIServer{cfg: cfg, port: port, token: rand.Text()}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of service accounts: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make the key of service accounts: %w", err)
	}
	serving, servingKey, err := certutil.GenerateSelfSignedCertKey("127.0.0.1", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of kube-apiserver: %w", err)
	}
	for name, content := range map[string][]byte{
		"apiserver.crt":     serving,
		"apiserver.key":     servingKey,
		"sa.key":            pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}),
		"token":             []byte(a.token),
		"tokens.csv":        []byte(a.token + ",e2e-admin,e2e-admin,\"system:masters\"\n"),
		"audit-policy.yaml": cfg.Policy,
	} {
		if err := os.WriteFile(a.path(name), content, 0o600); err != nil {
			return nil, fmt.Errorf("prepare kube-apiserver: %w", err)
		}
	}
	if err := os.MkdirAll(cfg.AuditDir, 0o700); err != nil {
		return nil, fmt.Errorf("prepare kube-apiserver: %w", err)
	}
	return a, nil
}

func (a *APIServer) path(name string) string { return filepath.Join(a.cfg.Dir, name) }

// AuditLog is the path of the open audit log.
func (a *APIServer) AuditLog() string { return filepath.Join(a.cfg.AuditDir, "audit.log") }

// Start starts the server and waits until /readyz says yes.
func (a *APIServer) Start(ctx context.Context) error {
	args := append([]string{
		"--etcd-servers=" + a.cfg.EtcdURL, "--etcd-prefix=" + a.cfg.Prefix,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
		"--secure-port=" + strconv.Itoa(a.port),
		"--tls-cert-file=" + a.path("apiserver.crt"), "--tls-private-key-file=" + a.path("apiserver.key"),
		"--service-cluster-ip-range=10.0.0.0/24", "--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-signing-key-file=" + a.path("sa.key"), "--service-account-key-file=" + a.path("sa.key"),
		"--token-auth-file=" + a.path("tokens.csv"), "--authorization-mode=RBAC", "--profiling=false",
		"--audit-policy-file=" + a.path("audit-policy.yaml"), "--audit-log-path=" + a.AuditLog(),
	}, a.cfg.Flags...)
	cmd := exec.Command(a.cfg.Binary, args...)
	cmd.Env = environment()
	p, err := process.Start("kube-apiserver", cmd, a.path("kube-apiserver.log"))
	if err != nil {
		return err
	}
	a.process = p
	return p.Wait(ctx, 5*time.Minute, func(ctx context.Context) error {
		client, err := rest.HTTPClientFor(a.rest())
		if err != nil {
			return err
		}
		return get(ctx, client, a.url()+"/readyz")
	})
}

func (a *APIServer) url() string { return "https://127.0.0.1:" + strconv.Itoa(a.port) }

// MetricsFlags make the sidecar read the server's own counters.
func (a *APIServer) MetricsFlags() []string {
	return []string{
		"--apiserver-metrics-url", a.url() + "/metrics",
		"--apiserver-metrics-token-file", a.path("token"),
		"--apiserver-metrics-ca-file", a.path("apiserver.crt"),
	}
}

// rest is how an administrator reaches the server.
func (a *APIServer) rest() *rest.Config {
	return &rest.Config{
		Host: a.url(), BearerToken: a.token, QPS: -1,
		TLSClientConfig: rest.TLSClientConfig{CAFile: a.path("apiserver.crt")},
		Timeout:         30 * time.Second,
	}
}

// WriteKubeconfig writes a file for kubectl, as an administrator.
func (a *APIServer) WriteKubeconfig(path string) error {
	const name = "lab"
	c := clientcmdapi.NewConfig()
	c.Clusters[name] = &clientcmdapi.Cluster{Server: a.url(), CertificateAuthority: a.path("apiserver.crt")}
	c.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: a.token}
	c.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: "default"}
	c.CurrentContext = name
	return clientcmd.WriteToFile(*c, path)
}

// Client is an administrator's client, or that of the user that is named.
func (a *APIServer) Client(user string) (*kubernetes.Clientset, error) {
	cfg := a.rest()
	cfg.Impersonate.UserName = user
	cfg.UserAgent = audittest.TrafficAgent
	return kubernetes.NewForConfig(cfg)
}

// Terminate ends the server as kubelet does: it finishes its requests first.
func (a *APIServer) Terminate() error {
	if a.process == nil {
		return nil
	}
	p := a.process
	a.process = nil
	return p.Terminate(5 * time.Minute)
}

// Kill ends the server as the kernel does.
func (a *APIServer) Kill() {
	if a.process != nil {
		a.process.Kill()
		a.process = nil
	}
}

// Log is the end of the server's output.
func (a *APIServer) Log() string { return process.Tail(a.path("kube-apiserver.log")) }
