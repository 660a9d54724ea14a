package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// checkInotify tries to watch the audit directory.
func checkInotify(_ context.Context, cfg *Config) []Result {
	limits := fmt.Sprintf("max_user_instances %s, max_user_watches %s", limit(cfg, "max_user_instances"), limit(cfg, "max_user_watches"))
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		err = errors.Join(watcher.Add(cfg.Log.Dir), watcher.Close())
	}
	if errors.Is(err, syscall.ENOENT) {
		return nil // checkAuditDir reports it
	}
	return first(
		finding{err == nil, result(OK, "", "%s can be watched (%s)", cfg.Log.Dir, limits)},
		finding{errors.Is(err, syscall.EMFILE), result(Warning, "sysctl -w fs.inotify.max_user_instances=512", "no inotify instance is left (%s): the directory is read each --rescan-interval instead", limits)},
		finding{errors.Is(err, syscall.ENOSPC), result(Warning, "sysctl -w fs.inotify.max_user_watches=524288", "no inotify watch is left (%s): the directory is read each --rescan-interval instead", limits)},
		finding{true, result(Warning, "the sidecar works without, reading the directory each --rescan-interval", "watch %s: %v (%s)", cfg.Log.Dir, err, limits)},
	)
}

func limit(cfg *Config, name string) string {
	data, err := os.ReadFile(filepath.Join(cfg.Proc, "sys/fs/inotify", name))
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(data))
}
