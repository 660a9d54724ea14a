// Command later runs go test as if it were some days later. It gives the go command an overlay of four source
// files: the wall clock of time.Now (the monotonic clock stays, or timers would wait as long), the modification time
// and the birth time that a file reports, and, the other way, the one that os.Chtimes sets.
//
//	go run ./hack/later -days 400 -- -count=1 ./...
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// edit replaces a text that stands once in a file.
type edit struct{ file, old, new string }

func main() {
	days := flag.Int("days", 400, "days to add to the wall clock")
	flag.Parse()
	if err := run(*days, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "later:", err)
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			os.Exit(failed.ExitCode())
		}
		os.Exit(1)
	}
}

func run(days int, args []string) error {
	dir, err := os.MkdirTemp("", "later-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	root, err := output("go", "env", "GOROOT")
	if err != nil {
		return err
	}
	overlay, err := write(dir, edits(filepath.Join(root, "src"), days))
	if err != nil {
		return err
	}
	cmd := exec.Command("go", append([]string{"test", "-overlay", overlay}, args...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// edits of Go 1.26's sources and of ours.
func edits(src string, days int) []edit {
	seconds := fmt.Sprint(days * 24 * 60 * 60)
	duration := seconds + "*time.Second"
	return []edit{
		{filepath.Join(src, "time/time.go"), "sec, nsec, mono := runtimeNow()\n", "sec, nsec, mono := runtimeNow()\n\tsec += " + seconds + "\n"},
		{filepath.Join(src, "os/stat_"+runtime.GOOS+".go"), "time.Unix(fs.sys.Mtim.Unix())", "time.Unix(fs.sys.Mtim.Unix()).Add(" + duration + ")"},
		{filepath.Join(src, "os/file_posix.go"), "syscall.NsecToTimespec(t.UnixNano())", "syscall.NsecToTimespec(t.Add(-" + duration + ").UnixNano())"},
		{"internal/hold/birth_linux.go", "int64(stat.Btime.Nsec))", "int64(stat.Btime.Nsec)).Add(" + duration + ")"},
	}
}

// write makes the edited files in dir and the overlay that names them.
func write(dir string, edits []edit) (overlay string, err error) {
	replace := map[string]string{}
	for i, e := range edits {
		file, err := filepath.Abs(e.file)
		if err != nil {
			return "", err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(text), e.old); n != 1 {
			return "", fmt.Errorf("%s has %d times %q, not once: adapt the edits to this version of Go", file, n, e.old)
		}
		edited := filepath.Join(dir, fmt.Sprintf("%d-%s", i, filepath.Base(file)))
		if err := os.WriteFile(edited, []byte(strings.Replace(string(text), e.old, e.new, 1)), 0o600); err != nil {
			return "", err
		}
		replace[file] = edited
	}
	encoded, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, encoded, 0o600)
}

func output(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	return strings.TrimSpace(string(out)), err
}
