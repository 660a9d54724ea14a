package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/controlplane/cluster"
	"github.com/auditsidecar/auditsidecar/e2e/controlplane/traffic"
	"github.com/auditsidecar/auditsidecar/e2e/loki/lokiserver"
	"github.com/auditsidecar/auditsidecar/e2e/process"
	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/manifests"
)

// patience is the longest that a server may need to start. Only a hang takes so long.
const patience = 5 * time.Minute

const archiveURL = "s3://audit/audit-logs"

// lab is all that runs.
type lab struct {
	root, dir, binary, grafanaHome string
	began                          time.Time
	kept                           bool

	etcd    *cluster.Etcd
	api     *cluster.APIServer
	loki    *lokiserver.Server
	store   *s3server.Server
	sidecar *process.Process
	page    string // address of the status page
	grafana string // its URL; empty without
	kubectl string // path
}

// path is a file of the lab; its directory is made.
func (l *lab) path(names ...string) string {
	path := filepath.Join(append([]string{l.dir}, names...)...)
	_ = os.MkdirAll(filepath.Dir(path), 0o700) // the use of the file reports the error
	return path
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "lab: "+format+"\n", args...) }

func (l *lab) start(ctx context.Context) error {
	_ = os.Remove(l.path(outage)) // of an earlier lab
	for _, step := range []func(context.Context) error{l.startLoki, l.startStore, l.startAPIServer, l.startSidecar, l.startGrafana, l.writeFiles} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) startLoki(ctx context.Context) (err error) {
	rules, err := os.ReadFile(filepath.Join(l.root, "manifests/loki/rules.yaml"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(l.path("loki"), 0o700); err != nil {
		return err
	}
	l.loki, err = lokiserver.Run(ctx, l.path("loki"), lokiserver.Config{File: "manifests/loki/loki.yaml", Rules: rules}, say)
	return err
}

func (l *lab) startStore(ctx context.Context) (err error) {
	l.store, err = s3server.Run(ctx, l.path("s3"), "lab-secret", say)
	return err
}

// startAPIServer starts etcd and kube-apiserver, whose log is rotated at 1 MB.
func (l *lab) startAPIServer(ctx context.Context) error {
	binaries := map[string]string{"kube-apiserver": "", "etcd": "", "kubectl": ""}
	for name := range binaries {
		path, err := cluster.Find(ctx, name, say)
		if err != nil {
			return err
		}
		binaries[name] = path
	}
	l.kubectl = binaries["kubectl"]
	for _, dir := range []string{"etcd", "kube-apiserver"} {
		if err := os.MkdirAll(l.path(dir), 0o700); err != nil {
			return err
		}
	}
	var err error
	if l.etcd, err = cluster.StartEtcd(ctx, binaries["etcd"], l.path("etcd")); err != nil {
		return err
	}
	if l.api, err = cluster.New(cluster.Config{
		Binary: binaries["kube-apiserver"], EtcdURL: l.etcd.URL, Prefix: "/registry", Dir: l.path("kube-apiserver"),
		AuditDir: l.path("audit"), Policy: manifests.AuditPolicy(), Flags: []string{"--audit-log-maxsize=1", "--audit-log-maxbackup=20"},
	}); err != nil {
		return err
	}
	return l.api.Start(ctx)
}

// startSidecar starts auditsidecar as the manifests do, with a key of its own.
func (l *lab) startSidecar(ctx context.Context) error {
	key := l.path("signing.key")
	if _, err := os.Stat(key); errors.Is(err, fs.ErrNotExist) {
		if out, err := exec.CommandContext(ctx, l.binary, "keygen", "--cluster", "lab", "--node", "cp1", "--out", key).CombinedOutput(); err != nil {
			return fmt.Errorf("auditsidecar keygen: %w\n%s", err, out)
		}
	}
	if l.page == "" {
		l.page = listenAddress()
	}
	args := append([]string{
		"run", "--audit-log-path", l.api.AuditLog(), "--cluster", "lab", "--node", "cp1", "--signing-key-file", key,
		"--archive-url", archiveURL, "--s3-endpoint", l.store.Endpoint, "--s3-region", l.store.Region, "--s3-path-style",
		"--archive-max-lag", "10s", "--heartbeat-interval", "30s", "--loki-url", l.loki.URL, "--listen", l.page,
		"--audit-policy-file", l.path("kube-apiserver", "audit-policy.yaml"),
	}, l.api.MetricsFlags()...)
	cmd := exec.Command(l.binary, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + l.dir}, l.store.Env()...)
	p, err := process.Start("auditsidecar", cmd, l.path("auditsidecar.log"))
	if err != nil {
		return err
	}
	l.sidecar = p
	if err := l.writePIDs(); err != nil {
		return err
	}
	return p.Wait(ctx, patience, func(ctx context.Context) error {
		_, _, err := process.Get(ctx, http.DefaultClient, "http://"+l.page+"/livez")
		return err
	})
}

// writePIDs leaves the numbers of the processes that a user may end.
func (l *lab) writePIDs() error {
	for name, pid := range map[string]int{"auditsidecar": l.sidecar.PID(), "loki": l.loki.PID(), "s3": l.store.PID()} {
		if err := os.WriteFile(l.path(name+".pid"), []byte(strconv.Itoa(pid)+"\n"), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// listenAddress is the page's usual address where it is free.
func listenAddress() string {
	const usual = "127.0.0.1:9464"
	if listener, err := net.Listen("tcp", usual); err == nil {
		_ = listener.Close()
		return usual
	}
	address, err := audittest.FreeAddress()
	if err != nil {
		return usual
	}
	return address
}

// startGrafana starts Grafana with the shipped data sources and dashboards, if there is one.
func (l *lab) startGrafana(ctx context.Context) error {
	binary, err := exec.LookPath("grafana")
	if err != nil || l.grafanaHome == "" {
		return nil //nolint:nilerr // it is optional
	}
	address, err := audittest.FreeAddress()
	if err != nil {
		return err
	}
	here := strings.NewReplacer("http://127.0.0.1:3100", l.loki.URL, "/var/lib/grafana/dashboards/auditsidecar", filepath.Join(l.root, "manifests/grafana/dashboards"))
	for _, name := range []string{"datasources", "dashboards"} {
		content, err := os.ReadFile(filepath.Join(l.root, "manifests/grafana/provisioning", name, "auditsidecar.yaml"))
		if err != nil {
			return err
		}
		if err := os.WriteFile(l.path("grafana", "provisioning", name, "auditsidecar.yaml"), []byte(here.Replace(string(content))), 0o600); err != nil {
			return err
		}
	}
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(binary, "server", "--homepath", l.grafanaHome)
	cmd.Env = append(os.Environ(), "GF_SERVER_HTTP_ADDR=127.0.0.1", "GF_SERVER_HTTP_PORT="+port, "GF_AUTH_ANONYMOUS_ENABLED=true",
		"GF_AUTH_ANONYMOUS_ORG_ROLE=Admin", "GF_PATHS_DATA="+l.path("grafana", "data"), "GF_PATHS_PROVISIONING="+l.path("grafana", "provisioning"))
	p, err := process.Start("Grafana", cmd, l.path("grafana.log"))
	if err != nil {
		return err
	}
	l.grafana = "http://" + address
	return p.Wait(ctx, patience, func(ctx context.Context) error {
		_, _, err := process.Get(ctx, http.DefaultClient, l.grafana+"/api/health")
		return err
	})
}

// work makes some requests every second, and restarts ended programs, as kubelet does, until ctx
// is done.
func (l *lab) work(ctx context.Context) error {
	admin, err := l.api.Client("")
	if err != nil {
		return err
	}
	nobody, err := l.api.Client("lab-nobody")
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-l.sidecar.Done():
			say("auditsidecar has ended; it is started again, as kubelet does")
			if err := l.startSidecar(ctx); err != nil {
				return err
			}
		case <-time.After(time.Second):
			if err := l.restart(ctx); err != nil {
				return err
			}
			traffic.Make(ctx, traffic.Clients{Admin: admin, Nobody: nobody}, fmt.Sprintf("lab-%d-%d", l.began.Unix(), i), 1, 1)
		}
	}
}

// outage is the file of a user's outage.
const outage = "outage"

// restart starts Loki and the S3 server again if they have ended, but not while the file of an
// outage exists.
func (l *lab) restart(ctx context.Context) error {
	if _, err := os.Stat(l.path(outage)); err == nil {
		return nil
	}
	for _, server := range []interface {
		Done() <-chan struct{}
		Restart(ctx context.Context) error
	}{l.loki, l.store} {
		select {
		case <-server.Done():
		default:
			continue
		}
		if err := server.Restart(ctx); err != nil {
			return err
		}
		if err := l.writePIDs(); err != nil {
			return err
		}
	}
	return nil
}

// stop ends the writer first and the sidecar next, so that everything is archived or held.
func (l *lab) stop() {
	if l.api != nil {
		_ = l.api.Terminate()
	}
	if l.sidecar != nil {
		_ = l.sidecar.Terminate(patience)
	}
	if l.etcd != nil {
		l.etcd.Stop()
	}
	if l.loki != nil {
		l.loki.Kill()
	}
	if l.store != nil {
		l.store.Kill()
	}
}
