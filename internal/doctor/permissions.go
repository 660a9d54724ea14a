package doctor

import (
	"context"
	"fmt"
	"os"

	"github.com/auditsidecar/auditsidecar/internal/hold"
)

// checkHold finds out whether the log's files can be held as --hold says.
func checkHold(_ context.Context, cfg *Config) []Result {
	segments, err := cfg.Log.Segments()
	if err != nil || len(segments) == 0 {
		return one(Info, "look again when kube-apiserver has written something", "there is no file to try it with")
	}
	dir, err := os.MkdirTemp(existing(cfg.StateDir), ".doctor-*")
	if err != nil {
		return one(Error, "let the sidecar's user write there, or run with --hold=copy and a --state-dir elsewhere", "make a directory: %s", err)
	}
	how := "linked"
	if cfg.Copy {
		how, err = "copied", hold.CheckCopy(cfg.Log)
	} else {
		err = hold.CheckLink(cfg.FS, cfg.Log, dir)
	}
	cleaning := os.Remove(dir)
	switch {
	case err != nil:
		return one(Error, fmt.Sprintf("doctor ran as user %d: run it as the sidecar's user", os.Geteuid()), "%s", err)
	case cleaning != nil:
		return one(Warning, "remove the directory", "the directory of this check could not be removed: %s", cleaning)
	}
	return one(OK, "", "files of the log can be %s by user %d", how, os.Geteuid())
}
