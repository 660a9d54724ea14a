//go:build e2e

package page

import (
	"fmt"
	"os"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
)

// binary is the auditsidecar that is looked at, set once by TestMain.
var binary string

func TestMain(m *testing.M) {
	var err error
	if binary, err = builds.Auditsidecar(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
