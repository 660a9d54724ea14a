//go:build e2e && soak

package faults

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/faults/badnet"
	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/verify"
)

// TestSoak makes random faults for SOAK (default 10m): rotations, files cut, emptied, edited and deleted from
// outside, kill -9 and SIGTERM, clock steps of both clocks, S3 and Loki that fail. Then it accounts for every
// line: a line may be missing only if a fault destroyed it in its file, and then a gap names the file. verify is
// never clean without a gap when the account is short. SOAK_SEED repeats the sequence of faults.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(cmp.Or(os.Getenv("SOAK"), "10m"))
	if err != nil {
		t.Fatal(err)
	}
	seed, err := strconv.ParseUint(cmp.Or(os.Getenv("SOAK_SEED"), strconv.FormatInt(time.Now().UnixNano(), 10)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("SOAK=%v SOAK_SEED=%d", length, seed)
	server := s3server.Start(t)
	sc := scenario{name: "soak", onS3: true, anyOrder: true, args: []string{"--rescan-interval", "1s", "--archive-max-lag", "5s"}}
	s := &soak{stage: newStage(t, sc, server, &outcome{name: sc.name}), rnd: rand.New(rand.NewPCG(seed, 0)), allowed: map[digest]bool{}, counts: map[string]int{}}
	s.binary = filepath.Join(t.TempDir(), "auditsidecar-later")
	s.must(builds.AuditsidecarLater(s.binary))
	s.w, s.plainEnv = s.ownWriter(0), s.env // files pruned unseen have scenarios of their own
	s.startLater()
	for end := time.Now().Add(length); time.Now().Before(end) && !t.Failed(); {
		s.writeSome()
		s.fault()
	}
	s.s3Net.Set(badnet.Condition{})
	s.lokiNet.Set(badnet.Condition{})
	s.ready()
	s.writeSome()
	s.must(s.w.rotate())
	s.awaitIdle()
	s.stop()
	s.limits.done.Wait()
	s.judgeAccount()
	s.limits.judge(s.row, maxMemory)
	for _, p := range s.row.problems {
		t.Error(p)
	}
	t.Logf("faults: %v; peak %d MiB", s.counts, s.row.memory>>20)
}

// soak is a stage with an account that survives the changes of the files.
type soak struct {
	*stage
	rnd      *rand.Rand
	w        *ownWriter
	plainEnv []string
	books    []*book // one for each of w.files
	allowed  map[digest]bool
	counts   map[string]int
}

// book lists the lines written to one file.
type book struct {
	lines     []digest
	forms     []digest // the lines as Loki gets them
	ends      []int64  // the offset behind each line
	destroyed []bool   // whether a fault destroyed the line in the file
	touched   bool     // whether a fault destroyed anything in it
}

// writeSome writes for some hundreds of milliseconds.
func (s *soak) writeSome() {
	s.t.Helper()
	for line := range s.fresh(20 + s.rnd.IntN(400)) {
		for len(s.books) < len(s.w.files) {
			s.books = append(s.books, new(book))
		}
		s.must(s.w.writeLine(line))
		b := s.books[len(s.books)-1]
		form, _ := s.redacted.Line(nil, line)
		b.lines, b.forms = append(b.lines, digestOf(line)), append(b.forms, digestOf(lokiForm(form)))
		b.ends, b.destroyed = append(b.ends, s.offset()), append(b.destroyed, false)
	}
	s.sleep(time.Duration(s.rnd.IntN(800)) * time.Millisecond)
}

// offset is where the writer stands in the open file.
func (s *soak) offset() int64 {
	s.t.Helper()
	at, err := s.w.open.Seek(0, 1)
	s.must(err)
	return at
}

// startLater starts the sidecar with another clock.
func (s *soak) startLater() {
	s.t.Helper()
	later := s.rnd.IntN(2*3600) - 540
	s.env = append(slices.Clone(s.plainEnv), "LATER_SECONDS="+strconv.Itoa(later))
	s.start()
	s.env = s.plainEnv
}

func (s *soak) fault() {
	s.t.Helper()
	faults := []struct {
		name   string
		weight int
		do     func()
	}{
		{"rotate", 8, func() { s.must(s.w.rotate()) }},
		{"rotate with another clock", 1, func() {
			s.w.ahead = time.Duration(s.rnd.IntN(600)-300) * time.Second
			s.must(s.w.rotate())
		}},
		{"kill", 3, func() { s.p.Kill(); s.whileDown(); s.startLater() }},
		{"terminate", 1, func() { s.stop(); s.whileDown(); s.startLater() }},
		{"S3 fails", 3, func() { s.s3Net.Set(s.condition()) }},
		{"Loki fails", 2, func() { s.lokiNet.Set(s.condition()) }},
		{"both recover", 4, func() { s.s3Net.Set(badnet.Condition{}); s.lokiNet.Set(badnet.Condition{}) }},
		{"a backup is cut", 2, func() { s.cut(s.cutAt) }},
		{"a backup is emptied", 1, func() { s.cut(func(*book) int64 { return 0 }) }},
		{"a backup is deleted", 2, func() { s.holding(); s.must(os.Remove(s.backup(s.rnd.IntN(3)))) }},
	}
	total := 0
	for _, f := range faults {
		total += f.weight
	}
	n := s.rnd.IntN(total)
	for _, f := range faults {
		if n -= f.weight; n < 0 {
			if len(s.backups()) < 4 {
				f = faults[0]
			}
			s.counts[f.name]++
			s.t.Logf("%s", f.name)
			f.do()
			return
		}
	}
}

// holding waits until the sidecar has linked all files, regardless of its sinks.
func (s *soak) holding() {
	s.t.Helper()
	s.eventually("the files are held", func() bool {
		status, body, err := s.p.Get(s.t.Context(), "/readyz")
		return err == nil && (status == 200 || strings.Contains(body, "[+] hold: ok"))
	})
}

// whileDown is what happens between two sidecars.
func (s *soak) whileDown() {
	s.t.Helper()
	for range s.rnd.IntN(3) {
		s.writeSome()
		s.must(s.w.rotate())
	}
	if s.rnd.IntN(2) == 0 {
		s.counts["a backup is emptied while down"]++
		s.cut(func(*book) int64 { return 0 })
	}
}

func (s *soak) condition() badnet.Condition {
	return []badnet.Condition{
		{Unavailable: true}, {Status: 500}, {Status: 503}, {LoseAnswer: true}, {BytesPerSecond: 20000},
	}[s.rnd.IntN(5)]
}

// backups are the files that are listed as such, by their number in the account.
func (s *soak) backups() (numbers []int) {
	for i, f := range s.w.files {
		if _, err := os.Stat(filepath.Join(filepath.Dir(s.log), f.Name)); err == nil && f.Finished {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

// backup is the path of the listed backup that is the nth newest.
func (s *soak) backup(n int) string {
	all := s.backups()
	return filepath.Join(filepath.Dir(s.log), s.w.files[all[max(0, len(all)-1-n)]].Name)
}

// cutAt is somewhere in a file, or its beginning unless Loki has all of it: of a file that was never seen whole,
// a cut cannot be distinguished from a file that was never longer.
func (s *soak) cutAt(b *book) int64 {
	if len(b.ends) == 0 {
		return 0
	}
	have := map[digest]bool{}
	for _, e := range s.loki.Entries() {
		have[digestOf(lokiForm([]byte(e.Line)))] = true
	}
	for _, f := range b.forms {
		if !have[f] {
			return 0
		}
	}
	return s.rnd.Int64N(b.ends[len(b.ends)-1])
}

// cut truncates one of the newest backups and notes the destroyed bytes.
func (s *soak) cut(at func(*book) int64) {
	s.t.Helper()
	all := s.backups()
	number := all[max(0, len(all)-1-s.rnd.IntN(4))]
	b := s.books[number]
	path := filepath.Join(filepath.Dir(s.log), s.w.files[number].Name)
	info, err := os.Stat(path)
	s.must(err)
	size := at(b)
	if size >= info.Size() {
		return
	}
	content, err := os.ReadFile(path)
	s.must(err)
	s.must(os.Truncate(path, size))
	b.touched = true
	for i, end := range b.ends {
		b.destroyed[i] = b.destroyed[i] || end > size
	}
	if i := bytes.LastIndexByte(content[:size], '\n') + 1; int64(i) < size {
		torn := content[i:size] // the kept part of a line
		form, _ := s.redacted.Line(nil, torn)
		s.allowed[digestOf(torn)], s.allowed[digestOf(lokiForm(form))] = true, true
	}
	s.t.Logf("%s: cut from %d to %d bytes", s.w.files[number].Name, info.Size(), size)
}

// judgeAccount holds the books against restore, Loki, the gaps and verify.
func (s *soak) judgeAccount() {
	s.t.Helper()
	archived, streamed := s.restored(), map[digest]int{}
	for _, e := range s.loki.Entries() {
		streamed[digestOf(lokiForm([]byte(e.Line)))]++
	}
	gaps := s.recordedGaps()
	missing, unstreamed, written := 0, 0, 0
	known := map[digest]bool{}
	for i, b := range s.books {
		lost, silent, notStreamed := 0, 0, 0
		for j, line := range b.lines {
			written++
			known[line] = true
			switch n := archived[line]; {
			case n > 1:
				s.row.problem("%s: line %d is in the archive %d times", s.w.files[i].Name, j+1, n)
			case n == 0 && b.destroyed[j]:
				lost++
			case n == 0:
				silent++
			}
			switch {
			case streamed[b.forms[j]] > 0:
			case b.destroyed[j]:
				unstreamed++
			default:
				notStreamed++
			}
		}
		if silent > 0 {
			s.row.problem("LOST: %s: %d of %d lines are not in the archive", s.w.files[i].Name, silent, len(b.lines))
		}
		if notStreamed > 0 {
			s.row.problem("LOST: %s: %d of %d lines are not in Loki", s.w.files[i].Name, notStreamed, len(b.lines))
		}
		missing += lost
		if lost > 0 && !slices.ContainsFunc(gaps, func(g gap) bool { return g.File == s.w.files[i].Name }) {
			s.row.problem("SILENT: %s lost %d of %d lines, and no gap names it", s.w.files[i].Name, lost, len(b.lines))
		}
	}
	for line := range archived {
		if !known[line] && !s.allowed[line] {
			s.row.problem("the archive has a line that was never written")
		}
	}
	for _, g := range gaps {
		if i := slices.IndexFunc(s.w.files, func(f audittest.File) bool { return f.Name == g.File }); i < 0 || !s.books[i].touched {
			s.row.problem("a gap that nothing explains: %+v", g)
		}
	}
	s.t.Logf("%d files, %d lines written, %d destroyed and missing in the archive, %d in Loki, %d gaps", len(s.books), written, missing, unstreamed, len(gaps))
	s.judgeVerify(missing)
}

// restored counts the lines of the restored files, each file by itself: a cut one may end within a line.
func (s *soak) restored() map[digest]int {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), "restored")
	v := s.verb(sidecar.Config{Binary: underTest, Env: s.env, Args: append([]string{"restore", s.url, "--out", dir}, s.args...)})
	if v.Code != 0 {
		s.row.problem("restore: exit %d: %s", v.Code, firstLine(v.Stderr))
	}
	lines := map[digest]int{}
	s.must(filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for line := range audittest.Lines(content) {
			lines[digestOf(bytes.TrimRight(line, "\n"))]++
		}
		return err
	}))
	return lines
}

func (s *soak) judgeVerify(missing int) {
	s.t.Helper()
	v := s.verb(sidecar.Config{Binary: underTest, Env: s.env, Args: append([]string{"verify", s.url, "--deep", "-o", "json"}, s.args...)})
	var report verify.Report
	if err := json.Unmarshal(v.Stdout, &report); err != nil {
		s.row.problem("verify: exit %d: %s", v.Code, firstLine(v.Stderr))
		return
	}
	gaps := 0
	for _, n := range report.Nodes {
		gaps += len(n.Gaps)
	}
	if missing > 0 && report.Clean && gaps == 0 {
		s.row.problem("verify says OK, and %d lines are missing", missing)
	}
	if len(report.Nodes) == 0 {
		s.row.problem("verify saw no records")
	}
	for _, f := range report.Findings {
		if missing == 0 {
			s.row.problem("verify: %s %s: %s", f.Kind, f.Object, f.Detail)
		}
	}
	s.t.Logf("verify: %d findings, %d gaps", len(report.Findings), gaps)
}
