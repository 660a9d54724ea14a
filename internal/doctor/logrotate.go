package doctor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// checkUnknown names the files beside the log that nothing archives.
func checkUnknown(_ context.Context, cfg *Config) []Result {
	names, err := cfg.Log.Unknown()
	switch n := len(names); {
	case err != nil:
		return nil // checkAuditDir says it
	case n == 0:
		return one(OK, "", "all files named after the log are kube-apiserver's")
	case n > 10:
		names = append(names[:10:10], fmt.Sprintf("and %d more", n-10))
	}
	return one(Warning, "stop their writer (logrotate? a backup script?); if they have lines of the log, archive them with `auditsidecar convert`",
		"kube-apiserver writes no files of these names or kinds, so they are not opened and not archived: %s", strings.Join(quoted(names), ", "))
}

func quoted(names []string) (all []string) {
	for _, name := range names {
		all = append(all, strings.Trim(fmt.Sprintf("%q", name), `"`))
	}
	return all
}

// checkLogrotate looks for rules of logrotate on the audit log: two programs that rotate it lose lines.
func checkLogrotate(_ context.Context, cfg *Config) (all []Result) {
	if cfg.Root == "" {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(cfg.Root, "etc/logrotate.d/*"))
	if main := filepath.Join(cfg.Root, "etc/logrotate.conf"); err == nil {
		if _, err := os.Stat(main); err == nil {
			files = append(files, main)
		}
	}
	if len(files) == 0 {
		return one(Info, "mount the host's /etc/logrotate.d and name its root with --host-root, or look at it yourself",
			"no rules of logrotate in %s: there is no logrotate, or the host's files are not here", filepath.Join(cfg.Root, "etc"))
	}
	for _, file := range files {
		rules, err := logrotateRules(file)
		if err != nil {
			all = append(all, result(Info, "", "read the rules of logrotate: %v", err))
		}
		for _, rule := range rules {
			if cfg.rotates(rule) {
				all = append(all, result(Warning, "take the audit log out of it: kube-apiserver rotates it (--audit-log-maxsize)",
					"%s has a rule on %s: files that logrotate moves, copies or truncates are missing in the archive", file, rule))
			}
		}
	}
	if len(all) == 0 {
		return one(OK, "", "no rule on the audit log in %d files of logrotate", len(files))
	}
	return all
}

// rotates says whether a rule's path is that of the log or of a backup, in kube-apiserver's container or on the host.
func (cfg *Config) rotates(rule string) bool {
	paths := []string{cfg.Log.Path(), filepath.Join(cfg.Log.Dir, cfg.Log.BackupName(time.Unix(0, 0)))}
	for _, p := range paths[:2] {
		paths = append(paths, cfg.onHost(p))
		if c := cfg.pod.apiserver(); c != nil {
			paths = append(paths, cfg.pod.hostPath(c, p))
		}
	}
	return slices.ContainsFunc(paths, func(p string) bool {
		matches, err := path.Match(rule, p)
		return err == nil && matches
	})
}

// maxRules bounds a file of logrotate, in bytes.
const maxRules = 1 << 20

// logrotateRules returns the paths that the rules in a file are about: the words before each pair of braces.
func logrotateRules(file string) (paths []string, err error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a dangling link
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	lines := bufio.NewScanner(io.LimitReader(f, maxRules))
	lines.Buffer(nil, maxRules)
	inBlock, inScript := false, false
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		first, _, _ := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(line, "#"):
		case inScript:
			inScript = line != "endscript"
		case inBlock && slices.Contains(scripts, first):
			inScript = true
		case inBlock:
			inBlock = !strings.HasPrefix(line, "}")
		default:
			before, rest, opened := strings.Cut(line, "{")
			for _, word := range word.FindAllString(before, -1) {
				paths = append(paths, strings.Trim(word, `"'`))
			}
			inBlock = opened && !strings.HasSuffix(rest, "}")
		}
	}
	return paths, lines.Err()
}

// scripts begin a script in a rule, which endscript ends.
var scripts = []string{"firstaction", "lastaction", "prerotate", "postrotate", "preremove"}

// word is a word of a line, in quotes or without.
var word = regexp.MustCompile(`"[^"]*"|'[^']*'|[^\s"']+`)
