//go:build e2e

package faults

import (
	"fmt"
	"os"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
)

// underTest is the auditsidecar that is tested, set once by TestMain.
var underTest string

func TestMain(m *testing.M) {
	var err error
	if underTest, err = builds.Auditsidecar(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	fmt.Print(report)
	os.Exit(code)
}
