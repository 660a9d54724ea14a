package doctor

import (
	"fmt"
	"os"

	"github.com/auditsidecar/auditsidecar/internal/hold"
)

// checkHold finds out whether the log's files can be held as run is told to.
func checkHold(cfg *Config, _ *staticPod) []Result {
	const id = "hold"
	segments, err := cfg.Log.Segments()
	if err != nil || len(segments) == 0 {
		return one(id, Info, "look again when kube-apiserver has written something", "there is no file to try it with")
	}
	dir, err := tryDir(cfg)
	if err != nil {
		return one(id, Error, "let the sidecar's user write there, or run with --hold=copy and a --state-dir elsewhere", "%s", err)
	}
	if cfg.Copy {
		err, what := hold.CheckCopy(cfg.Log), "copied"
		return held(id, what, err, os.Remove(dir))
	}
	return held(id, "linked", hold.CheckLink(cfg.FS, cfg.Log, dir), os.Remove(dir))
}

func held(id, what string, err, cleaning error) []Result {
	switch {
	case err != nil:
		return one(id, Error, fmt.Sprintf("doctor ran as user %d: run it as the sidecar's user", os.Geteuid()), "%s", err)
	case cleaning != nil:
		return one(id, Warning, "remove the directory", "what was made to try it could not be removed: %s", cleaning)
	}
	return one(id, OK, "", "files of the log can be %s by user %d", what, os.Geteuid())
}

// tryDir makes a directory where state would be kept: in the state directory,
// or in the one that it will be made in.
func tryDir(cfg *Config) (string, error) {
	parent := cfg.StateDir
	if _, err := os.Stat(parent); os.IsNotExist(err) {
		parent = cfg.Log.Dir
		if cfg.Copy {
			parent = existing(cfg.StateDir)
		}
	}
	dir, err := os.MkdirTemp(parent, ".doctor-*")
	if err != nil {
		return "", fmt.Errorf("make a directory in %s: %w", parent, err)
	}
	return dir, nil
}
