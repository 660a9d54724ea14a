//go:build e2e

package rules

import (
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
)

const command = "github.com/prometheus/prometheus/cmd/promtool"

// manifests is the directory with the rules.
const manifests = "../../manifests/prometheus"

// promtool returns the tool's path. It is built without the service
// discoveries, which are most of it and find nothing here.
func promtool(t *testing.T) string {
	t.Helper()
	return builds.Tool{Module: "e2e/rules/promtool", Package: command, Name: "promtool", Tags: "remove_all_sd"}.Path(t)
}
