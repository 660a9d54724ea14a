// Package trino starts a real Trino (one coordinator that also works) with one
// catalog, hive, over a bucket of an S3 server. The server comes from Maven
// Central, 0.8 GB, into .cache/trino; it needs mvn, tar and a JDK of at least 24.
package trino

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

const (
	version  = "476"
	leastJDK = 24
	startUp  = 3 * time.Minute
)

// Server is a running Trino.
type Server struct {
	// URL of the coordinator, http://127.0.0.1:port.
	URL string
	log string
}

// Start starts a server that ends with the test.
func Start(tb testing.TB, s3 *s3server.Server) *Server {
	tb.Helper()
	home, java, dir := installed(tb), findJava(tb), tb.TempDir()
	port := freePort(tb)
	s := &Server{URL: "http://127.0.0.1:" + port, log: filepath.Join(dir, "server.log")}
	s.configure(tb, dir, home, port, s3)
	log, err := os.Create(s.log)
	if err != nil {
		tb.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(java, "-Xmx2G", "-XX:+UseSerialGC", "-Duser.timezone=UTC", "-Djdk.attach.allowAttachSelf=true",
		"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow",
		"-Dconfig="+filepath.Join(dir, "etc", "config.properties"), "-Dnode.environment=e2e", "-Dnode.id=e2e",
		"-Dnode.data-dir="+filepath.Join(dir, "var"), "-cp", filepath.Join(home, "lib", "*"), "io.trino.server.TrinoServer")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		tb.Fatalf("start Trino: %v", err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if tb.Failed() {
			tb.Logf("log of Trino:\n%s", s.tail())
		}
	})
	s.waitReady(tb)
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

// installed returns the directory of the server, which it fetches where it is
// missing.
func installed(tb testing.TB) string {
	tb.Helper()
	_, self, _, ok := runtime.Caller(0)
	if !ok {
		tb.Fatal("find the source of the Trino server: no caller information")
	}
	cache := filepath.Join(filepath.Dir(self), "..", "..", "..", ".cache", "trino")
	home := filepath.Join(cache, "trino-server-"+version)
	if _, err := os.Stat(filepath.Join(home, "lib")); err == nil {
		return home
	}
	fetched := filepath.Join(cache, "fetched")
	run(tb, "mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
		"-Dartifact=io.trino:trino-server:"+version+":tar.gz", "-DoutputDirectory="+fetched)
	unpacked := filepath.Join(cache, "unpacked")
	if err := os.MkdirAll(unpacked, 0o755); err != nil {
		tb.Fatal(err)
	}
	top := "trino-server-" + version
	run(tb, "tar", "-xzf", filepath.Join(fetched, top+".tar.gz"), "-C", unpacked, top+"/lib", top+"/plugin/hive")
	if err := os.Rename(filepath.Join(unpacked, top), home); err != nil {
		tb.Fatal(err)
	}
	if err := os.RemoveAll(fetched); err != nil {
		tb.Fatal(err)
	}
	return home
}

func run(tb testing.TB, name string, args ...string) {
	tb.Helper()
	if out, err := exec.CommandContext(tb.Context(), name, args...).CombinedOutput(); err != nil {
		tb.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

var javaVersion = regexp.MustCompile(`version "(\d+)`)

// findJava returns a java that is new enough: JAVA_HOME's, the PATH's, or one of
// those that packages install.
func findJava(tb testing.TB) string {
	tb.Helper()
	candidates := []string{filepath.Join(os.Getenv("JAVA_HOME"), "bin", "java"), "java"}
	more, _ := filepath.Glob("/usr/lib/jvm/*/bin/java") // the pattern is well-formed
	for _, java := range append(candidates, more...) {
		out, err := exec.CommandContext(tb.Context(), java, "-version").CombinedOutput()
		if err != nil {
			continue
		}
		if m := javaVersion.FindSubmatch(out); m != nil {
			if n, _ := strconv.Atoi(string(m[1])); n >= leastJDK {
				return java
			}
		}
	}
	tb.Fatalf("Trino %s needs a JDK of at least %d: set JAVA_HOME", version, leastJDK)
	return ""
}

func freePort(tb testing.TB) string {
	tb.Helper()
	address, err := audittest.FreeAddress()
	if err != nil {
		tb.Fatal(err)
	}
	_, port, _ := strings.Cut(address, ":")
	return port
}

func (s *Server) waitReady(tb testing.TB) {
	tb.Helper()
	for deadline := time.Now().Add(startUp); time.Now().Before(deadline); time.Sleep(300 * time.Millisecond) {
		resp, err := http.Get(s.URL + "/v1/info")
		if err != nil {
			continue
		}
		var body bytes.Buffer
		_, err = body.ReadFrom(resp.Body)
		_ = resp.Body.Close()
		if err == nil && strings.Contains(body.String(), `"starting":false`) {
			return
		}
	}
	tb.Fatalf("Trino did not start within %s:\n%s", startUp, s.tail())
}

func (s *Server) tail() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(text[max(0, len(text)-6000):])
}
