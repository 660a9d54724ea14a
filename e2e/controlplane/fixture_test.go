//go:build e2e

package controlplane

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/controlplane/cluster"
	"github.com/auditsidecar/auditsidecar/e2e/controlplane/traffic"
	"github.com/auditsidecar/auditsidecar/e2e/controlplane/witness"
	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/manifests"
)

// catchUp is the longest that the sidecar may need once kube-apiserver is quiet,
// and stopLimit the longest to end after SIGTERM. Only a hang takes so long,
// however busy the machine is.
const (
	catchUp   = 5 * time.Minute
	stopLimit = 2 * time.Minute
)

// fixture is one kube-apiserver with its sidecar and both sinks.
type fixture struct {
	t       *testing.T
	api     *cluster.APIServer
	witness *witness.Witness
	store   *s3server.Server // nil: a directory
	loki    loki

	env, args []string // of the sidecar
	url       string   // of the archive
	reach     []string // flags that reach the archive
	sidecar   *sidecar.Process

	lives []life
	runs  int // of traffic, so far
}

// life is one process of kube-apiserver.
type life struct {
	killed bool
	counts []cluster.Count // the last ones before its end
	end    int64           // how many bytes had been written when it had ended
}

func newFixture(t *testing.T, s scenario) *fixture {
	t.Helper()
	dir := t.TempDir()
	r := &fixture{t: t, url: "file://" + filepath.Join(dir, "archive"), loki: newLoki(t, s.realLoki)}
	if s.s3 {
		r.store = s3server.Start(t)
		r.url, r.env = r.store.URL("audit-logs"), r.store.Env()
		r.reach = []string{"--s3-endpoint", r.store.Endpoint, "--s3-region", r.store.Region, "--s3-path-style"}
	}

	home := filepath.Join(dir, "kube-apiserver")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	api, err := cluster.New(cluster.Config{
		Binary: cluster.KubeAPIServer(t), EtcdURL: etcd(t), Prefix: "/" + filepath.Base(t.Name()), Dir: home,
		AuditDir: filepath.Join(dir, "audit"), Policy: manifests.AuditPolicy(), Flags: s.flags,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.api = api
	r.args = append(append([]string{
		"--audit-log-path", api.AuditLog(), "--archive-url", r.url, "--loki-url", r.loki.url, "--cluster", "e2e", "--node", "cp1",
	}, r.reach...), s.args...)
	if s.counted {
		r.args = append(append(r.args, "--heartbeat-interval=1s"), api.MetricsFlags()...)
	}
	if !s.redacted {
		r.args = append(r.args, "--redact=off") // so that Loki's lines can be compared
	}
	if r.witness, err = witness.Start(t.Context(), filepath.Dir(api.AuditLog()), filepath.Join(dir, "witness")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		api.Kill()
		if r.sidecar != nil {
			r.sidecar.Kill()
		}
		if t.Failed() {
			t.Logf("kube-apiserver's log ends:\n%s", api.Log())
		}
	})
	return r
}

// startSidecar starts the sidecar, whether kube-apiserver runs or not.
func (r *fixture) startSidecar() {
	r.t.Helper()
	r.sidecar = sidecar.Launch(r.t, sidecar.Config{Binary: binary, Env: r.env, Args: r.args})
}

// startAPIServer starts kube-apiserver.
func (r *fixture) startAPIServer() {
	r.t.Helper()
	begin := time.Now()
	if err := r.api.Start(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	r.t.Logf("kube-apiserver is ready after %v", time.Since(begin).Round(100*time.Millisecond))
	r.lives = append(r.lives, life{})
}

// traffic begins to make requests, at least n rounds. The channel gives
// the number of those that were answered when all are done.
func (r *fixture) traffic(ctx context.Context, rounds int) <-chan int64 {
	r.t.Helper()
	admin, err := r.api.Client("")
	if err != nil {
		r.t.Fatal(err)
	}
	nobody, err := r.api.Client("e2e-nobody")
	if err != nil {
		r.t.Fatal(err)
	}
	r.runs++
	run, done := fmt.Sprintf("run%d", r.runs), make(chan int64, 1)
	go func() {
		done <- traffic.Make(ctx, traffic.Clients{Admin: admin, Nobody: nobody}, run, 4, (rounds+3)/4)
	}()
	return done
}

// answered waits until all requests are done.
func (r *fixture) answered(done <-chan int64) {
	r.t.Helper()
	begin := time.Now()
	n := <-done
	r.t.Logf("%d requests answered, the last ones %v later", n, time.Since(begin).Round(100*time.Millisecond))
	if n == 0 {
		r.t.Error("kube-apiserver answered no request at all")
	}
}

// killSidecar kills the sidecar and starts it again, n times.
func (r *fixture) killSidecar(times int) {
	r.t.Helper()
	for range times {
		time.Sleep(1200 * time.Millisecond)
		r.sidecar.Kill()
		r.startSidecar()
	}
}

// count reads kube-apiserver's counters several times: an event of its own
// (a lease, for example) may fall between the counter and the mark.
func (r *fixture) count(times int) {
	r.t.Helper()
	now := &r.lives[len(r.lives)-1]
	for range times {
		c, err := r.api.Count(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		now.counts = append(now.counts, c)
		time.Sleep(50 * time.Millisecond)
	}
}

// ended notes how much was written when the process was gone.
func (r *fixture) ended(killed bool) {
	r.t.Helper()
	size, err := r.witness.Size()
	if err != nil {
		r.t.Fatal(err)
	}
	now := &r.lives[len(r.lives)-1]
	now.killed, now.end = killed, size
}

// finish gives the open file a backup's name, as the next rotation would, and
// has the sidecar do all that is left.
func (r *fixture) finish() {
	r.t.Helper()
	log := r.api.AuditLog()
	backup := filepath.Join(filepath.Dir(log), "audit-"+time.Now().UTC().Format("2006-01-02T15-04-05.000")+".log")
	if err := os.Rename(log, backup); err != nil {
		r.t.Fatal(err)
	}
	r.stopSidecar()
	args := append([]string{"run", "--once", "--listen", "127.0.0.1:0"}, r.args...)
	if v := r.verb(args...); v.Code != 0 {
		r.t.Fatalf("run --once: exit %d\n%s", v.Code, v.Stderr)
	}
}

// finishByIncrements leaves the open file as it is and waits until the archive
// has all of it.
func (r *fixture) finishByIncrements() {
	r.t.Helper()
	info, err := os.Stat(r.api.AuditLog())
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), catchUp)
	defer cancel()
	const open, pending = "auditsidecar_archived_open_bytes", "auditsidecar_archive_pending_files"
	if _, err := r.sidecar.WaitMetrics(ctx, func(m map[string]float64) bool {
		return int64(m[open]) == info.Size() && m[pending] == 0
	}, open, pending); err != nil {
		r.t.Fatal(err)
	}
	r.stopSidecar()
}

func (r *fixture) stopSidecar() {
	r.t.Helper()
	r.sidecar.Stop(r.t, stopLimit)
}

// verb runs the binary to its end.
func (r *fixture) verb(args ...string) sidecar.Result {
	r.t.Helper()
	return sidecar.Call(r.t, catchUp, sidecar.Config{Binary: binary, Env: r.env, Args: args})
}
