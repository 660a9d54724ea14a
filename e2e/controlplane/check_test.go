//go:build e2e

package controlplane

import (
	"bytes"
	"encoding/base64"

	"github.com/auditsidecar/auditsidecar/e2e/controlplane/cluster"
	"github.com/auditsidecar/auditsidecar/e2e/controlplane/traffic"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// figures are one scenario's account.
type figures struct {
	files                   int
	counted, errors         int64 // by kube-apiserver, up to its last counts
	later                   int   // lines after the last counts: they were not counted
	uncounted               int   // lines of processes that were killed
	written, archived, loki int   // lines
	bytes                   int
}

// check compares everything with everything.
func (r *fixture) check(s scenario) figures {
	r.t.Helper()
	written, err := r.witness.Stop()
	if err != nil {
		r.t.Fatal(err)
	}
	v := r.verb(append([]string{"restore", r.url}, r.reach...)...)
	if v.Code != 0 {
		r.t.Fatalf("restore: exit %d: %s", v.Code, v.Stderr)
	}
	if !bytes.Equal(v.Stdout, written) {
		r.t.Errorf("restored %d lines, %d bytes; written %d lines, %d bytes; they differ from byte %d on",
			lines(v.Stdout), len(v.Stdout), lines(written), len(written), audittest.FirstDifference(v.Stdout, written))
	}
	f := figures{files: r.witness.Files(), written: lines(written), archived: lines(v.Stdout), bytes: len(written)}
	if f.files < 2 && !s.byIncrements {
		r.t.Errorf("%d files: nothing was rotated, the scenario shows nothing", f.files)
	}
	r.checkCounts(v.Stdout, &f)
	r.verify()
	if s.counted {
		r.checkHeartbeats()
	}
	f.loki = r.checkLoki(s, written)
	for _, secret := range []string{traffic.SecretValue, base64.StdEncoding.EncodeToString([]byte(traffic.SecretValue))} {
		if bytes.Contains(written, []byte(secret)) {
			r.t.Errorf("the audit policy lets the value of a Secret into the log")
		}
	}
	return f
}

// checkCounts compares the count of each process of kube-apiserver with the
// restored lines: those from its first one to the mark that the reading of the
// counters left in the log.
func (r *fixture) checkCounts(restored []byte, f *figures) {
	r.t.Helper()
	begin := int64(0)
	for n, l := range r.lives {
		if l.end > int64(len(restored)) {
			r.t.Errorf("process %d of kube-apiserver wrote up to byte %d, %d are restored", n, l.end, len(restored))
			return
		}
		part := restored[begin:l.end]
		begin = l.end
		last := l.counts[len(l.counts)-1]
		if l.killed {
			f.uncounted += lines(part)
			r.t.Logf("process %d of kube-apiserver was killed: %d lines; counted %d a moment before", n, lines(part), last.Events-last.Errors)
			continue
		}
		exact := 0
		for _, c := range l.counts {
			before, found := linesBefore(part, c)
			if !found {
				r.t.Errorf("the request that read the counters (%s) is not in the archive", c.AuditID)
			}
			if int64(before) == c.Events-c.Errors {
				exact++
			} else {
				r.t.Logf("process %d: counted %d, %d of them failed, %d lines before the mark", n, c.Events, c.Errors, before)
			}
		}
		if exact <= len(l.counts)/2 {
			r.t.Errorf("process %d of kube-apiserver: its counters agree with the archive in %d of %d readings", n, exact, len(l.counts))
		}
		before, _ := linesBefore(part, last)
		f.counted, f.errors, f.later = f.counted+last.Events, f.errors+last.Errors, f.later+lines(part)-before
	}
}

// linesBefore counts the lines before the one that a reading of the counters
// left.
func linesBefore(log []byte, c cluster.Count) (n int, found bool) {
	at := bytes.Index(log, []byte(`"auditID":"`+c.AuditID+`"`))
	if at < 0 {
		return 0, false
	}
	return lines(log[:at]), true
}

// checkLoki looks for every line that is short enough for Loki: unchanged, or
// as often as there are lines where they are redacted on the way. It returns how
// many Loki has.
func (r *fixture) checkLoki(s scenario, written []byte) int {
	r.t.Helper()
	entries := r.loki.lines()
	have := make(map[string]bool)
	for _, line := range entries {
		have[line] = true
	}
	total, lost := 0, 0
	for line := range audittest.Lines(written) {
		total++
		if !s.redacted && len(line) <= lokitest.DefaultMaxLine && !have[string(line)] {
			lost++
		}
	}
	if lost > 0 || len(entries) != total {
		r.t.Errorf("Loki has %d entries, %d lines were written, %d of them are not in Loki", len(entries), total, lost)
	}
	return len(entries)
}

func lines(b []byte) int { return bytes.Count(b, []byte("\n")) }
