//go:build e2e

package faults

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/internal/verify"
)

// judging is held while the content of a scenario is in memory: there are many
// scenarios at a time.
var judging sync.Mutex

// digest stands for a line.
type digest [16]byte

func digestOf(line []byte) digest {
	sum := sha256.Sum256(line)
	return digest(sum[:16])
}

// judge compares the written lines with those of both sinks.
func (s *stage) judge() {
	s.t.Helper()
	if s.beforeJudge != nil {
		s.beforeJudge()
	}
	judging.Lock()
	defer judging.Unlock()
	s.row.written = s.lines()
	s.judgeArchive()
	s.judgeProof()
	s.judgeLoki()
	s.row.gaps = s.recordedGaps()
	s.judgeLoss()
	s.limits.judge(s.row, max(s.sc.memory, maxMemory))
	s.row.judged = true
	for _, p := range s.row.problems {
		s.t.Error(p)
	}
	s.loki.Reset()
}

// judgeProof has verify look at the archive: in any case, stored files are
// proven and others are a recorded gap.
func (s *stage) judgeProof() {
	s.t.Helper()
	v := s.verb(sidecar.Config{Binary: s.binary, Env: s.env, Args: append([]string{"verify", s.url, "--deep", "-o", "json"}, s.args...)})
	var report verify.Report
	if err := json.Unmarshal(v.Stdout, &report); err != nil {
		s.row.problem("verify: exit %d: %s", v.Code, firstLine(v.Stderr))
		return
	}
	shorter := false
	for _, f := range report.Findings {
		if s.sc.shorter && f.Kind == verify.KindFileShorter {
			shorter = true
		} else {
			s.row.problem("verify: %s %s: %s", f.Kind, f.Object, f.Detail)
		}
	}
	if s.sc.shorter && !shorter {
		s.row.problem("verify does not say that increments reach further than a file")
	}
}

// judgeArchive compares all files with the files restored from the archive.
func (s *stage) judgeArchive() {
	s.t.Helper()
	v := s.verb(sidecar.Config{Binary: s.binary, Env: s.env, Args: append([]string{"restore", s.url}, s.args...)})
	if v.Code != 0 {
		s.row.problem("restore: exit %d: %s", v.Code, firstLine(v.Stderr))
	}
	same, err := s.sameBytes(v.Stdout)
	if err != nil {
		s.t.Fatal(err)
	}
	if same && len(s.gone) == 0 {
		s.row.archived = s.row.written
		return
	}
	s.logFiles(v.Stdout)
	want := s.count(func(line []byte) []byte { return line })
	for line := range audittest.Lines(v.Stdout) {
		d := digestOf(line)
		if want[d]--; want[d] < 0 {
			s.row.archivedTwice++
		}
	}
	for _, n := range want {
		s.row.archivedLost += max(0, n)
	}
	s.row.archived = s.row.written - s.row.archivedLost
	if !s.sc.anyOrder && s.row.archivedLost == 0 && s.row.archivedTwice == 0 {
		s.row.problem("the archive has the lines in another order")
	}
	if s.row.archivedTwice > 0 {
		s.row.problem("the archive has %d lines more than once, or changed", s.row.archivedTwice)
	}
}

// sameBytes compares the files of the account, one after the other, with the
// restored ones.
func (s *stage) sameBytes(restored []byte) (bool, error) {
	for _, f := range s.finished() {
		content, err := os.ReadFile(f.Path)
		if err != nil {
			return false, err
		}
		if !bytes.HasPrefix(restored, content) {
			return false, nil
		}
		restored = restored[len(content):]
	}
	return len(restored) == 0, nil
}

// logFiles says which files were written and which the archive has.
func (s *stage) logFiles(restored []byte) {
	s.t.Helper()
	for _, f := range s.account() {
		s.t.Logf("written: %s, %d lines, %d bytes, finished: %v", f.Name, f.Lines, f.Bytes, f.Finished)
	}
	for name := range s.dataObjects() {
		s.t.Logf("archived: %s", name)
	}
	s.t.Logf("restored: %d lines, %d bytes", bytes.Count(restored, []byte("\n")), len(restored))
}

// count counts every written line by the digest of its form.
func (s *stage) count(form func([]byte) []byte) map[digest]int {
	s.t.Helper()
	lines := map[digest]int{}
	for _, f := range s.account() {
		content, err := os.ReadFile(f.Path)
		if err != nil {
			s.t.Fatal(err)
		}
		for line := range audittest.Lines(content) {
			lines[digestOf(form(line))]++
		}
	}
	for _, line := range s.gone {
		lines[digestOf(form(line))]++
	}
	return lines
}

// judgeLoki compares line by line. In Loki a line may lack the NULs that a
// truncation left before it, and one that is too long is there in its shrunk
// form, which keeps its auditID.
func (s *stage) judgeLoki() {
	s.t.Helper()
	want := s.count(func(line []byte) []byte {
		line = bytes.TrimLeft(line, "\x00")
		if len(line) <= maxHeldLine { // a longer one is shrunk before it is redacted
			line, _ = s.redacted.Line(nil, line)
		}
		return lokiForm(line)
	})
	entries := s.loki.Entries()
	shown := map[digest]map[digest]bool{} // line → entries of it that a query shows
	for _, e := range entries {
		line := digestOf(lokiForm([]byte(e.Line)))
		if shown[line] == nil {
			shown[line] = map[digest]bool{}
		}
		shown[line][entryDigest(e)] = true
	}
	distinct := 0
	for line, forms := range shown {
		distinct += len(forms)
		s.row.lokiDistinct += max(0, len(forms)-want[line])
	}
	for line, n := range want {
		s.row.lokiLost += max(0, n-len(shown[line]))
	}
	if s.row.lokiDistinct > 0 {
		s.logForeign(entries, want)
	}
	s.row.loki, s.row.resent = s.row.written-s.row.lokiLost, len(entries)-distinct
	if s.row.lokiDistinct > 0 {
		s.row.problem("Loki shows %d entries that are not one for each line", s.row.lokiDistinct)
	}
	for labels := range s.loki.Streams() {
		if labels != `{cluster="faults", job="audit", node="cp1"}` {
			s.row.problem("stream %s", labels)
		}
	}
}

// logForeign shows some of the entries that are no written line.
func (s *stage) logForeign(entries []lokitest.Entry, want map[digest]int) {
	s.t.Helper()
	shown := 0
	for i, e := range entries {
		if want[digestOf(lokiForm([]byte(e.Line)))] == 0 && shown < 5 {
			shown++
			s.t.Logf("entry %d of %d was never written like this: %d bytes at %v: %.300q", i, len(entries), len(e.Line), e.Timestamp, e.Line)
		}
	}
}

// entryDigest distinguishes two entries with one line.
func entryDigest(e lokitest.Entry) digest {
	text := binary.AppendVarint(nil, e.Timestamp.UnixNano())
	for _, p := range e.Metadata {
		text = append(append(text, p.Name...), 0)
		text = append(append(text, p.Value...), 0)
	}
	return digestOf(append(text, e.Line...))
}

// maxHeldLine is the longest line that the sidecar holds whole.
const maxHeldLine = 1 << 20

const shrunkMark = `{"auditsidecar":{"shrunk":`

// lokiForm is the common part of a line and its entry in Loki.
func lokiForm(line []byte) []byte {
	line = bytes.TrimLeft(line, "\x00")
	if len(line) > lokitest.DefaultMaxLine || bytes.Contains(line[:min(len(line), lokitest.DefaultMaxLine)], []byte(shrunkMark)) {
		_, rest, _ := bytes.Cut(line, []byte(`"auditID":"`))
		return append([]byte("long line "), rest[:min(len(rest), 36)]...)
	}
	return line
}

// judgeLoss decides about missing lines.
func (s *stage) judgeLoss() {
	s.judgeCut()
	explained := slices.ContainsFunc(s.row.gaps, func(g gap) bool { return slices.Contains(s.sc.gaps, g.Reason) })
	for _, g := range s.row.gaps {
		if !slices.Contains(s.sc.gaps, g.Reason) && !(g.Reason == "pruned" && s.late[g.File]) {
			s.row.problem("a gap is recorded that nothing explains: %+v", g)
			break
		}
	}
	switch {
	case s.row.archivedLost > s.destroyed || s.row.lokiLost > s.unread:
		s.row.problem("LOST: %d lines in the archive, %d in Loki", s.row.archivedLost, s.row.lokiLost)
	case !explained && len(s.sc.gaps) > 0:
		s.row.problem("no gap (%s) is recorded; lost: %d lines in the archive, %d in Loki", strings.Join(s.sc.gaps, " or "), s.row.archivedLost, s.row.lokiLost)
	}
}

// judgeCut compares the bytes that were cut off finished files with those that the gaps have.
func (s *stage) judgeCut() {
	reported := int64(0)
	for _, g := range s.row.gaps {
		if g.Reason == "truncated" && g.Bytes > 0 {
			reported += g.Bytes
		}
	}
	if s.cutBytes > 0 && reported != s.cutBytes {
		s.row.problem("%d bytes were cut off, the gaps have %d", s.cutBytes, reported)
	}
}

func firstLine(text []byte) string {
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}
