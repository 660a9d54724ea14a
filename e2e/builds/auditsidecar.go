package builds

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Auditsidecar returns the path of the binary under test: that which E2E_BINARY
// names, or else one that is built of the tree as it is now.
func Auditsidecar() (string, error) {
	if path := os.Getenv("E2E_BINARY"); path != "" {
		return path, nil
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, ".cache", "e2e", "auditsidecar")
	temp := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := AuditsidecarVersion(temp, "e2e"); err != nil {
		return "", err
	}
	return path, os.Rename(temp, path)
}

// AuditsidecarVersion builds the binary at a path with a version in it, with the
// flags of `make build`, so that only the linker has work to do.
func AuditsidecarVersion(path, version string) error {
	return buildStatic("build", "-trimpath", "-ldflags", "-s -w -X main.version="+version, "-o", path, "./cmd/auditsidecar")
}

// AuditsidecarLater builds the binary at a path so that LATER_SECONDS or LATER_FILE in its
// environment moves its wall clock.
func AuditsidecarLater(path string) error {
	return buildStatic("run", "./hack/later", "--", "build", "-trimpath", "-o", path, "./cmd/auditsidecar")
}

// buildStatic runs the go command in the tree, without cgo.
func buildStatic(args ...string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build auditsidecar: %w\n%s", err, out)
	}
	return nil
}
