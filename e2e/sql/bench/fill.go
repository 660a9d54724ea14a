package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// firstDay is the first of the made days; any will do.
func firstDay() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func dayOf(n int) string { return firstDay().AddDate(0, 0, n).Format(time.DateOnly) }

// fill makes the days: in the archive by the real binary, and as JSON.gz.
func (s *suite) fill(log []byte) error {
	for n := range s.nodes {
		node := fmt.Sprintf("cp-%d", n+1)
		audit := filepath.Join(s.dir, "audit", node)
		for d := range s.days {
			content := moved(log, dayOf(d), d*s.nodes+n)
			if err := write(filepath.Join(audit, "audit-"+dayOf(d)+"T23-50-00.000.log"), content); err != nil {
				return err
			}
			if err := writeGzip(filepath.Join(s.dir, "gz", dayOf(d), node+".json.gz"), content); err != nil {
				return err
			}
		}
		if err := s.archive(audit, "archive", node); err != nil {
			return err
		}
	}
	audit := filepath.Join(s.dir, "audit", "small")
	for i, rest := 0, log; i < s.small; i++ { // pieces of the log: nothing comes twice
		cut := len(rest)
		if i < s.small-1 {
			cut = bytes.IndexByte(rest[len(rest)/(s.small-i):], '\n') + len(rest)/(s.small-i) + 1
		}
		name := firstDay().Add(time.Duration(i) * time.Minute).Format("audit-2006-01-02T15-04-05.000.log")
		if err := write(filepath.Join(audit, name), moved(rest[:cut], dayOf(0), i)); err != nil {
			return err
		}
		rest = rest[cut:]
	}
	return s.archive(audit, "small", "cp-1")
}

func (s *suite) archive(audit, into, node string) error {
	cmd := exec.Command(s.binary, "run", "--once", "--audit-log-path", filepath.Join(audit, "audit.log"), "--log-level", "error",
		"--archive-url", "file://"+filepath.Join(s.dir, into), "--cluster", "production", "--node", node)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("archive the days of %s: %w\n%s", node, err, out)
	}
	return os.RemoveAll(audit)
}

// moved returns the log as if it was written on another day: the day of every
// timestamp, and audit IDs that no other copy has.
func moved(log []byte, day string, copyNumber int) []byte {
	out := bytes.Clone(log)
	const id, stamp = `"auditID":"`, `Timestamp":"`
	for line := range bytes.Lines(out) {
		if i := bytes.Index(line, []byte(id)); i >= 0 {
			copy(line[i+len(id):], fmt.Sprintf("%04x", copyNumber))
		}
		for rest := line; ; {
			i := bytes.Index(rest, []byte(stamp))
			if i < 0 || len(rest) < i+len(stamp)+len(day) {
				break
			}
			rest = rest[i+len(stamp):]
			copy(rest, day)
		}
	}
	return out
}

func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

func writeGzip(path string, content []byte) error {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(content); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return write(path, packed.Bytes())
}
