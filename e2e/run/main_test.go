//go:build e2e

package run

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
)

// binary is the auditsidecar that is tested, set once by TestMain.
var binary string

func TestMain(m *testing.M) {
	if paths := os.Getenv(lockerEnv); paths != "" {
		lockAll(filepath.SplitList(paths))
		return
	}
	var err error
	if binary, err = builds.Auditsidecar(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
