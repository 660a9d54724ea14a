// Package iceberg runs Apache's REST fixture, a catalog of Iceberg tables over SQLite, for
// end-to-end tests. `make iceberg-rest` fetches its jars; REST_FIXTURE names their directory.
package iceberg

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
)

const startUp = 3 * time.Minute

// StartREST starts a catalog that ends with the test, and returns its URL. Its tables are below
// warehouse where they have no location of their own; settings are further ones of its
// environment, such as CATALOG_S3_ENDPOINT=http://127.0.0.1:7070 for the property s3.endpoint.
func StartREST(tb testing.TB, jars, warehouse string, settings ...string) string {
	tb.Helper()
	dir, address := tb.TempDir(), process.FreeAddress(tb)
	cmd := exec.CommandContext(context.WithoutCancel(tb.Context()), "java", "-Xmx512m", "-cp", jars+"/*", "org.apache.iceberg.rest.RESTCatalogServer")
	cmd.Env = append(append(os.Environ(), "CATALOG_WAREHOUSE="+warehouse, "CATALOG_URI=jdbc:sqlite:"+filepath.Join(dir, "catalog.db"),
		"CATALOG_REST_PORT="+address[strings.LastIndex(address, ":")+1:]), settings...)
	p, err := process.Start("the REST catalog", cmd, filepath.Join(dir, "server.log"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		p.Kill()
		if tb.Failed() {
			tb.Logf("log of the REST catalog:\n%s", p.Log())
		}
	})
	url := "http://" + address
	if err := p.Wait(tb.Context(), startUp, func(ctx context.Context) error {
		status, body, err := process.Get(ctx, http.DefaultClient, url+"/v1/config")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("/v1/config: %d %s", status, body)
		}
		return err
	}); err != nil {
		tb.Fatal(err)
	}
	return url
}
