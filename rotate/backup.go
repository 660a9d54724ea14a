package rotate

import (
	"fmt"
	"os"
	"strings"
	"time"
)

const (
	// backupTime is the layout of the time in a backup's name, in UTC.
	// Source: backupTimeFormat of gopkg.in/natefinch/lumberjack.v2.
	backupTime = "2006-01-02T15-04-05.000"
	gzipSuffix = ".gz"
)

// Backup is the parsed name of a rotated file.
type Backup struct {
	// Name is the name without ".gz".
	Name string
	// Rotated is the time of the rotation: UTC, whole milliseconds.
	Rotated time.Time
	// Gzip says that the name ended in ".gz".
	Gzip bool
}

// ParseBackup reads the name (not the path) of a backup of this log,
// "<Base>-2006-01-02T15-04-05.000<Ext>", with ".gz" at the end where
// kube-apiserver runs with --audit-log-compress. It reports false for every
// name that kube-apiserver would not write.
func (l Log) ParseBackup(name string) (Backup, bool) {
	if t, ok := l.rotated(name); ok {
		return Backup{Name: name, Rotated: t}, true
	}
	plain, ok := strings.CutSuffix(name, gzipSuffix)
	if !ok {
		return Backup{}, false
	}
	t, ok := l.rotated(plain)
	if !ok {
		return Backup{}, false
	}
	return Backup{Name: plain, Rotated: t, Gzip: true}, true
}

// rotated returns the time in the name of a backup that is not compressed.
func (l Log) rotated(name string) (time.Time, bool) {
	s, ok := strings.CutPrefix(name, l.Base+"-")
	if !ok {
		return time.Time{}, false
	}
	s, ok = strings.CutSuffix(s, l.Ext)
	// The length is checked first so that foreign names cost nothing.
	if !ok || len(s) != len(backupTime) {
		return time.Time{}, false
	}
	t, err := time.Parse(backupTime, s)
	// time.Parse is lenient (it takes "05,000" for "05.000"): a time that does not
	// come out again as it went in was not written by kube-apiserver.
	if err != nil || t.Format(backupTime) != s {
		return time.Time{}, false
	}
	return t, true
}

// Unknown lists files named after the log that are not its backups: a backup that another program renamed,
// copied or packed, a symbolic link, a directory. No such file is opened.
func (l Log) Unknown() (names []string, err error) {
	entries, err := os.ReadDir(l.Dir)
	if err != nil {
		return nil, fmt.Errorf("list the audit directory: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if _, isBackup := l.ParseBackup(name); name == l.Name() || isBackup && e.Type().IsRegular() {
			continue
		}
		rest, ok := strings.CutPrefix(name, l.Base)
		_, noTime := time.Parse("-"+backupTime, rest[:min(len(rest), 1+len(backupTime))])
		if ok && (noTime == nil || strings.HasPrefix(rest, l.Ext) || strings.HasSuffix(rest, l.Ext)) {
			names = append(names, name)
		}
	}
	return names, nil
}

// BackupName returns the name under which a file rotated at t is kept, without
// ".gz". Fractions of a millisecond are cut off. Years beyond 9999 give a name
// that ParseBackup refuses.
func (l Log) BackupName(t time.Time) string {
	return l.Base + "-" + t.UTC().Format(backupTime) + l.Ext
}
