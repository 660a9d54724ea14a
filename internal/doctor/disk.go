package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// checkDisk compares the possible use with the free space.
func checkDisk(_ context.Context, cfg *Config) []Result {
	size, free, err := durable.Space(existing(cfg.StateDir))
	if err != nil {
		return one(Info, "", "%s", err)
	}
	budget := cfg.Budget.Resolve(size)
	logs := max(cfg.pod.logBytes()-listedBytes(cfg), 0)
	found := fmt.Sprintf("%s free of %s; the log may grow by %s, held files may use %s beyond that and give way below %s free",
		humanBytes(free), humanBytes(size), humanBytes(logs), humanBytes(budget.MaxBytes), humanBytes(budget.MinFree))
	switch {
	case free < budget.MinFree:
		return one(Error, "free some space now: held files are given up, as recorded gaps", "%s", found)
	case free < logs+budget.MaxBytes:
		return one(Warning, "free some space, or lower --held-max-bytes or kube-apiserver's --audit-log-maxbackup", "%s", found)
	}
	return one(OK, "", "%s", found)
}

// listedBytes is the present size of the log's files.
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

func humanBytes(n int64) string { return humanize.IBytes(uint64(n)) }
