//go:build e2e

package page

import (
	"fmt"
	"os"
	"testing"
)

// binary is the auditsidecar that is looked at.
var binary = os.Getenv("E2E_BINARY")

func TestMain(m *testing.M) {
	if binary == "" {
		fmt.Fprintln(os.Stderr, "E2E_BINARY does not say what to run: make e2e-page")
		os.Exit(1)
	}
	os.Exit(m.Run())
}
