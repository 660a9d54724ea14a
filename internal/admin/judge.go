package admin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// news is how long a break in the log is the first thing to be read.
	news = 24 * time.Hour
	// patience is how long a sink may fail before that is bad: a restart of
	// Loki, or a network that is changed, takes less.
	patience = 5 * time.Minute
	// lokiLate is when Loki is behind: alerts look at the last minutes.
	lokiLate = time.Minute
	// archiveSlack is what the archive may be late beyond what was asked for.
	archiveSlack = 5 * time.Minute
	// fullShare of the disk budget in use is bad.
	fullShare = 0.8
)

// judge finds what is wrong and says it in words.
func (s *Status) judge(f figures) {
	for _, find := range []func(figures) []Problem{
		s.silent, s.lost, s.holding, s.budget, s.archiving, s.streaming, s.stuck, s.writer,
	} {
		s.Problems = append(s.Problems, find(f)...)
	}
	slices.SortStableFunc(s.Problems, func(a, b Problem) int { return cmp.Compare(rank(b.Level), rank(a.Level)) })
	s.Level, s.Headline, s.Summary = Good, "All is well: "+s.behind()+", 0 lost", s.summary()
	switch {
	case len(s.Problems) > 0:
		s.Level, s.Headline = s.Problems[0].Level, s.Problems[0].Title
	case s.starting():
		s.Level, s.Headline, s.Summary = Idle, "Starting", "It reads its state and looks at the files that are there."
	}
}

func rank(l Level) int { return slices.Index([]Level{Idle, Good, Warn, Bad}, l) }

// part finds a loop by its name.
func (s *Status) part(name string) Part {
	for _, p := range s.Parts {
		if p.Name == name {
			return p
		}
	}
	return Part{}
}

func (s *Status) starting() bool {
	return slices.ContainsFunc(s.Parts, func(p Part) bool { return p.State == "starting" })
}

// behind is how far the first path is behind: Loki where there is one.
func (s *Status) behind() string {
	if len(s.Paths) == 0 || !s.Paths[0].Known {
		return "nothing measured yet"
	}
	return span(s.Paths[0].LagSeconds) + " behind"
}

// summary is the sentence under the headline.
func (s *Status) summary() string {
	var said []string
	for _, p := range s.Paths {
		what, lag := p.Name, "has everything"
		if p.Name == "Archive" {
			what = "the archive"
		}
		switch {
		case !p.Known:
			lag = "is not measured yet"
		case p.LagSeconds >= 1:
			lag = "is " + span(p.LagSeconds) + " behind"
		}
		said = append(said, what+" "+lag)
	}
	text := strings.Join(said, ", ")
	text = strings.ToUpper(text[:1]) + text[1:]
	if last := s.Paths[len(s.Paths)-1]; s.MaxLag > 0 && len(s.Problems) == 0 && last.LagSeconds > time.Minute.Seconds() {
		text += fmt.Sprintf(" (it gets what is not rotated after %s)", span(s.MaxLag.Seconds()))
	}
	return text + ". " + s.lossInWords()
}

// lossInWords says what is lost.
func (s *Status) lossInWords() string {
	var breaks float64
	for _, n := range s.GapsByReason {
		breaks += n
	}
	since := "since the start, " + s.ago(s.Started)
	if breaks == 0 && len(s.Gaps) == 0 {
		return "Nothing was lost " + since + "."
	}
	return count(max(breaks, float64(len(s.Gaps))), "break") + " in the log " + since + "."
}

func (s *Status) ago(t time.Time) string { return span(s.Now.Sub(t).Seconds()) + " ago" }

// silent are loops that do not turn.
func (s *Status) silent(figures) (found []Problem) {
	for _, p := range s.Parts {
		if p.State == "silent" {
			found = append(found, Problem{Bad, "The loop " + p.Name + " gives no sign of life", "The last one was " + s.ago(cmp.Or(p.Since, s.Started)) + ".", "kubelet restarts the container where /livez is its liveness probe. Nothing that is held gets lost by that."})
		}
	}
	return found
}

// lost are breaks in the log that are new.
func (s *Status) lost(figures) []Problem {
	var breaks, bytes float64
	var g Gap // the last one
	for _, gap := range s.Gaps {
		if s.Now.Sub(gap.At) >= news || gap.Reason == "quarantined" { // stuck says it
			continue
		}
		if breaks++; breaks == 1 {
			g = gap
		}
		bytes += max(0, float64(gap.Bytes))
	}
	if breaks == 0 {
		return nil
	}
	title := count(breaks, "break") + " in the log"
	if bytes > 0 {
		title += ", about " + size(bytes) + " lost"
	}
	detail := fmt.Sprintf("The last one, %s: %s, %s.", s.ago(g.At), cmp.Or(g.File, "the log"), reason(g.Reason))
	return []Problem{{Bad, title, detail, "Each is a record in the archive, and is listed below. It is news for a day."}}
}

// holding is what keeps the files from being held.
func (s *Status) holding(figures) (found []Problem) {
	for _, loop := range []struct{ name, title string }{
		{"start", "It cannot start yet"}, {"hold", "The log is not held"}, {"watch", "The directory is not watched"},
	} {
		if p := s.part(loop.name); p.State == "failing" {
			found = append(found, Problem{Bad, loop.title, clip(p.Waiting), "kube-apiserver prunes files that are not held: fix this first."})
		}
	}
	return found
}

func (s *Status) budget(figures) []Problem {
	share := s.Held.Share()
	if share <= fullShare {
		return nil
	}
	return []Problem{{
		Bad, fmt.Sprintf("Held files use %.0f %% of their disk budget", 100*share),
		fmt.Sprintf("%s of %s; %s are free on the disk.", size(s.Held.Used), size(s.Held.Max), size(s.Held.DiskFree)),
		"Beyond it the oldest files are given up. Bring the sinks back, or raise --held-max-bytes.",
	}}
}

// archiving is what is wrong with the archive.
func (s *Status) archiving(f figures) []Problem {
	p := s.part("archive")
	waits := fmt.Sprintf("%s wait on this node, %s of %s of the disk budget in use. Nothing is lost by waiting.",
		count(s.Held.Waiting, "finished file"), size(s.Held.Used), size(s.Held.Max))
	if p.State == "failing" {
		return []Problem{{s.sinkLevel(p), "The archive has taken nothing for " + s.since(p), brief(p.Waiting), waits}}
	}
	late := f.get("archive_oldest_pending_seconds") > (30 * time.Minute).Seconds()
	if limit := s.MaxLag + archiveSlack; s.MaxLag > 0 && f.get("archive_lag_seconds") > limit.Seconds() {
		late = true
	}
	if !late || p.State != "well" {
		return nil
	}
	behind := max(f.get("archive_lag_seconds"), f.get("archive_oldest_pending_seconds"))
	return []Problem{{Warn, "The archive is " + span(behind) + " behind", waits, "It takes files, but more slowly than they come."}}
}

// streaming is what is wrong with Loki.
func (s *Status) streaming(f figures) []Problem {
	p := s.part("loki")
	if p.State == "failing" {
		hint := "The lines wait on this node and are sent when it is back."
		if s.part("archive").State == "well" {
			hint += " The archive continues meanwhile."
		}
		return []Problem{{s.sinkLevel(p), "Loki has taken nothing for " + s.since(p), brief(p.Waiting), hint}}
	}
	if lag := f.get("loki_lag_seconds"); p.State == "well" && lag > lokiLate.Seconds() {
		return []Problem{{Warn, "Loki is " + span(lag) + " behind", size(f.get("loki_lag_bytes")) + " of the log are not there yet.",
			"Alert rules look at the last minutes: they miss lines that arrive late."}}
	}
	return nil
}

func (s *Status) since(p Part) string { return span(s.Now.Sub(p.Since).Seconds()) }

func (s *Status) sinkLevel(p Part) Level {
	if s.Now.Sub(p.Since) < patience {
		return Warn
	}
	return Bad
}

// stuck are files that cannot be archived as they are.
func (s *Status) stuck(figures) []Problem {
	if s.Held.Stuck == 0 {
		return nil
	}
	return []Problem{{Bad, count(s.Held.Stuck, "file") + " cannot be archived", "Quarantined: kept as they are, for an operator to inspect.", "The list of files and the log say why."}}
}

// writer is what kube-apiserver does wrong.
func (s *Status) writer(f figures) (found []Problem) {
	if f.get("writer_on_deleted_file") > 0 {
		found = append(found, Problem{Bad, "kube-apiserver writes to a deleted file", "Its audit log has no name any more. The sidecar still has the file and reads it.", "Restart kube-apiserver to get a new one, and ask who deleted it."})
	}
	if f.get("rotation_off") > 0 {
		found = append(found, Problem{Warn, "The audit log is not rotated", "The open file is over 1 GiB; only finished files are archived whole.", "Set --audit-log-maxsize of kube-apiserver (100)."})
	}
	return found
}
