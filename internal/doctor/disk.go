package doctor

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// checkDisk holds what may come to be used against what is free.
func checkDisk(cfg *Config, pod *staticPod) []Result {
	const id = "disk"
	size, free, err := durable.Space(existing(cfg.StateDir))
	if err != nil {
		return one(id, Info, "", "%s", err)
	}
	budget := cfg.Budget.Resolve(size)
	logs := pod.logBytes() - listedBytes(cfg)
	need := max(logs, 0) + budget.MaxBytes
	found := fmt.Sprintf("%s free of %s; the log may grow by %s, held files may use %s beyond that and give way below %s free",
		bytes(free), bytes(size), bytes(max(logs, 0)), bytes(budget.MaxBytes), bytes(budget.MinFree))
	switch {
	case free < budget.MinFree:
		return one(id, Error, "free some space now: held files are given up, as recorded gaps", "%s", found)
	case free < need:
		return one(id, Warning, "free some space, or lower --held-max-bytes or kube-apiserver's --audit-log-maxbackup", "%s", found)
	}
	return one(id, OK, "", "%s", found)
}

// listedBytes is what the log's files use now.
func listedBytes(cfg *Config) (n int64) {
	segments, err := cfg.Log.Segments()
	if err != nil {
		return 0
	}
	for _, s := range segments {
		n += s.Size
	}
	return n
}

// existing returns path, or the nearest directory above it that there is.
func existing(path string) string {
	for path != filepath.Dir(path) {
		if _, err := os.Stat(path); err == nil {
			break
		}
		path = filepath.Dir(path)
	}
	return path
}

// bytes writes a size as people read it.
func bytes(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
