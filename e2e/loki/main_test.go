package loki

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
)

// binary is the auditsidecar that is tested, set once by TestMain.
var binary string

// summary has the suite's results, printed at the end.
var summary figures

// figures collects lines "name  value" in the order in which they came.
type figures struct {
	mu    sync.Mutex
	lines []string
}

func (f *figures) add(name, format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, fmt.Sprintf("  %-28s %s", name, fmt.Sprintf(format, args...)))
}

func (f *figures) print() {
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Println("\nThe audit log in a real Loki 3.7:")
	for _, line := range f.lines {
		fmt.Println(line)
	}
}

func TestMain(m *testing.M) {
	var err error
	if binary, err = builds.Auditsidecar(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	summary.print()
	os.Exit(code)
}
