// Command later runs the go command so that the built program lives some days later. It gives it an overlay of Go's own
// sources and of ours: the wall clock of time.Now (the monotonic clock stays, or timers would wait as long), the
// modification time and the birth time that a file reports, and, the other way, the one that os.Chtimes sets, are
// moved by the seconds that LATER_SECONDS has when the program starts; they may be negative. LATER_FILE names a file of
// 4096 bytes instead, which the program maps: pairs of little-endian 64-bit integers, a Unix time and how many seconds
// the clock is moved from then on, so that a test can set the clock of a running program.
//
//	go run ./hack/later -days 400 -- test -count=1 ./...
//	go run ./hack/later -- build -o bin/auditsidecar-later ./cmd/auditsidecar    # LATER_SECONDS=-3600 bin/…
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
	"strconv"
	"strings"
)

// edit replaces a text that stands once in a file.
type edit struct{ file, old, new string }

const offset = `package time

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

// step is a time of the machine's clock, in seconds, and how far the clock is moved from then on.
type step struct{ at, by int64 }

var steps = laterSteps()

// laterSteps maps the file of steps, or makes the one step of LATER_SECONDS.
func laterSteps() *[laterMost]step {
	if path, ok := syscall.Getenv("LATER_FILE"); ok {
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err == nil {
			var mem []byte
			if mem, err = syscall.Mmap(fd, 0, laterMost*16, syscall.PROT_READ, syscall.MAP_SHARED); err == nil {
				return (*[laterMost]step)(unsafe.Pointer(&mem[0]))
			}
		}
		panic("LATER_FILE: " + err.Error())
	}
	var n int64
	text, _ := syscall.Getenv("LATER_SECONDS")
	for i := range len(text) {
		if c := text[i]; c >= '0' && c <= '9' {
			n = 10*n + int64(c-'0')
		}
	}
	if text != "" && text[0] == '-' {
		n = -n
	}
	return &[laterMost]step{{at: -1 << 62, by: n}}
}

const laterMost = 256

// later is how far the clock is moved at a time of the machine's clock. The clock of a bubble of
// testing/synctest begins in 2000 and stays.
func later(sec int64) (by int64) {
	if sec < 1_500_000_000 {
		return 0
	}
	for i := range steps {
		at := atomic.LoadInt64(&steps[i].at)
		if at == 0 || at > sec {
			break
		}
		by = atomic.LoadInt64(&steps[i].by)
	}
	return by
}

// Later moves a time of the machine's clock.
func Later(t Time) Time { return t.Add(Duration(later(t.Unix())) * Second) }

// Earlier undoes it, if it was moved as far as now.
func Earlier(t Time) Time {
	sec, _, _ := runtimeNow()
	return t.Add(-Duration(later(sec)) * Second)
}
`

func main() {
	days := flag.Int("days", 0, "sets LATER_SECONDS, for go test")
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
	if len(args) == 0 {
		return errors.New("no go command given: later [-days N] -- test|build [argument…]")
	}
	dir, err := os.MkdirTemp("", "later-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	overlay, err := write(dir, filepath.Join(strings.TrimSpace(string(root)), "src"))
	if err != nil {
		return err
	}
	cmd := exec.Command("go", append([]string{args[0], "-overlay", overlay}, args[1:]...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if days != 0 {
		cmd.Env = append(os.Environ(), "LATER_SECONDS="+strconv.Itoa(days*24*60*60))
	}
	return cmd.Run()
}

// edits are those of Go 1.26's sources and of ours.
func edits(src string) []edit {
	return []edit{
		{filepath.Join(src, "time/time.go"), "sec, nsec, mono := runtimeNow()\n", "sec, nsec, mono := runtimeNow()\n\tsec += later(sec)\n"},
		{filepath.Join(src, "os/stat_"+runtime.GOOS+".go"), "time.Unix(fs.sys.Mtim.Unix())", "time.Later(time.Unix(fs.sys.Mtim.Unix()))"},
		{filepath.Join(src, "os/file_posix.go"), "syscall.NsecToTimespec(t.UnixNano())", "syscall.NsecToTimespec(time.Earlier(t).UnixNano())"},
		{"internal/hold/birth_linux.go", "time.Unix(stat.Btime.Sec, int64(stat.Btime.Nsec))", "time.Later(time.Unix(stat.Btime.Sec, int64(stat.Btime.Nsec)))"},
	}
}

// write makes the edited files in dir and the overlay that names them.
func write(dir, src string) (overlay string, err error) {
	added := filepath.Join(dir, "later.go")
	if err := os.WriteFile(added, []byte(offset), 0o600); err != nil {
		return "", err
	}
	replace := map[string]string{filepath.Join(src, "time/later.go"): added}
	for i, e := range edits(src) {
		file, err := filepath.Abs(e.file)
		if err != nil {
			return "", err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(text), e.old); n != 1 {
			return "", fmt.Errorf("%s has %q %d times, not once: adapt the edits to this version of Go", file, e.old, n)
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
