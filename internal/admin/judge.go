package admin

import (
	"cmp"
	"fmt"
	"path"
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
	// archiveSlack is the accepted delay of the archive beyond the configured one.
	archiveSlack = 5 * time.Minute
	// filesLate is how long a finished file may wait for the archive.
	filesLate = 30 * time.Minute
	// fullShare of the disk budget in use is bad.
	fullShare = 0.8
	// shortBudget is how long the disk budget should last at least.
	shortBudget = time.Hour
	// forever is a forecast in seconds that exceeds any wait: 30 years.
	forever = 1e9
)

// judge finds the faults and describes them. Of equally bad ones the first is
// the one that loses lines now.
func (s *Status) judge(f figures) {
	s.Breaks, s.BudgetFull = max(f.get("gaps_total"), float64(len(s.Gaps))), s.forecast()
	for i := range s.Paths {
		s.judgePath(&s.Paths[i])
	}
	for _, find := range []func() []Problem{s.turning, s.arriving, s.sending, s.budget, s.lost, s.stuck, s.unsigned} {
		s.Problems = append(s.Problems, find()...)
	}
	s.Problems = append(s.Problems, writer(f)...)
	slices.SortStableFunc(s.Problems, func(a, b Problem) int { return cmp.Compare(rank(b.Level), rank(a.Level)) })
	s.Level, s.Headline, s.Summary = Good, "All is well", s.summary()
	untried := slices.IndexFunc(s.Parts, func(p *Part) bool { return p.State == NotTried })
	switch {
	case len(s.Problems) > 0:
		s.Level, s.Headline = s.Problems[0].Level, s.Problems[0].Title
	case slices.ContainsFunc(s.Parts, func(p *Part) bool { return p.State == Starting }):
		s.Level, s.Headline, s.Summary = Idle, "Starting", "It reads its state and looks at the files that are there."
	case untried >= 0:
		s.Level, s.Headline = Idle, "Not tried yet: "+s.Parts[untried].Name
	}
}

func rank(l Level) int { return slices.Index([]Level{Idle, Good, Warn, Bad}, l) }

// judgePath decides how a path does, of which its loop knows only whether it works.
func (s *Status) judgePath(p *Path) {
	part, limit := p.Part, s.MaxLag+archiveSlack
	if s.MaxLag == 0 {
		limit = forever * time.Second // the open file is not archived
	}
	now := time.Hour // a loss is of now if it is not older, or of the present failure
	if part.Waiting != "" {
		now = max(now, s.Now.Sub(part.Since))
	}
	loses := slices.ContainsFunc(s.Gaps, func(g Gap) bool { return g.Reason == "disk_budget" && s.Now.Sub(g.At) < now })
	if part.Name == "loki" {
		limit, loses = lokiLate, p.refused*window.Seconds() >= 1
	}
	switch {
	case loses:
		part.State = Losing
	case part.State == Working && !p.Reached:
		part.State = NotTried
	case part.State == Working && (p.LagSeconds > limit.Seconds() || p.pending > filesLate.Seconds()):
		part.State = Behind
	}
	part.Level = levels[part.State]
	if part.State == Failing && s.Now.Sub(part.Since) >= patience {
		part.Level = Bad
	}
}

// late is for how long a path has not got something; a finished file may hold nothing new.
func (p *Path) late() time.Duration {
	return time.Duration(max(p.LagSeconds, p.pending) * float64(time.Second))
}

// forecast is after how many seconds the disk budget is full if the archive takes
// nothing.
func (s *Status) forecast() float64 {
	if s.Held.Max <= 0 || s.Rate <= 0 {
		return forever
	}
	return min(forever, max(0, min(s.Held.Max-s.Held.Used, s.Held.DiskFree-s.Held.MinFree))/s.Rate)
}

// summary is the sentence under the headline.
func (s *Status) summary() string {
	since := "since the start, " + s.ago(s.Started)
	if s.Breaks == 0 {
		return "No break in the log was recorded " + since + "."
	}
	return count(s.Breaks, "break") + " in the log " + since + "."
}

func (s *Status) ago(t time.Time) string { return s.age(t) + " ago" }

func (s *Status) age(t time.Time) string { return span(s.Now.Sub(t).Seconds()) }

// turning are loops that do not turn, and faults that keep files from being held.
func (s *Status) turning() (found []Problem) {
	titles := map[string]string{"start": "It cannot start yet", "hold": "The log is not held", "watch": "The directory is not watched"}
	for _, p := range s.Parts {
		title := titles[p.Name]
		switch {
		case p.State == Hung:
			found = append(found, Problem{Bad, "The loop " + p.Name + " gives no sign of life", "The last one was " + s.ago(cmp.Or(p.Since, s.Started)) + ".",
				"kubelet restarts the container where /livez is its liveness probe. Nothing that is held gets lost by that.", p.Runbook()})
		case title != "" && p.Waiting != "":
			found = append(found, Problem{Bad, title + ": " + p.Cause, clip(p.Waiting), "kube-apiserver prunes files that are not held: fix this first.", p.Runbook()})
		}
	}
	return found
}

// arriving reports faults of the log itself.
func (s *Status) arriving() []Problem {
	in := &s.Input
	dir, name := path.Split(s.Log)
	known := "No line ever arrived."
	if !in.LastLine.IsZero() {
		known = "The last line arrived " + s.ago(in.LastLine) + "."
	}
	if in.Asked {
		known += " kube-apiserver counted " + count(float64(in.Counted), "event") + " meanwhile."
	} else {
		known += " How many events kube-apiserver counted is not known (--apiserver-metrics-url)."
	}
	switch in.State {
	case NoFile:
		hint := "Nothing there has a similar name: compare --audit-log-path, and the mount, with kube-apiserver's."
		if in.Nearest != "" {
			hint = "The nearest name there is " + in.Nearest + ". If kube-apiserver writes that, set --audit-log-path to " + dir + in.Nearest + "."
		}
		return []Problem{{Bad, "There is no " + name + " in " + path.Clean(dir), "For " + s.age(in.Since) + ". " + known, hint, s.Parts[0].Runbook()}}
	case Losing:
		return []Problem{{Bad, "kube-apiserver counts events, and no line arrives", known,
			"It writes another file, or cannot write: compare its --audit-log-path and mount, and read its log.", s.Parts[0].Runbook()}}
	case Silent:
		return []Problem{{Warn, "No line has arrived for " + s.age(in.LastLine), known,
			"A kube-apiserver in use is never silent: does it run, and does it write this file?", s.Parts[0].Runbook()}}
	}
	return nil
}

// sending are sinks that take nothing, or not all.
func (s *Status) sending() (found []Problem) {
	for i := range s.Paths {
		p := &s.Paths[len(s.Paths)-1-i] // the archive first: it must not lose anything
		title, age := map[State]string{Losing: " loses lines", Behind: " is behind by ", Stopped: " has refused everything for ", Failing: " has been unavailable for "}[p.Part.State], ""
		switch p.Part.State {
		case Stopped, Failing:
			if age = s.age(p.Part.Since); p.Part.State == Failing && !p.Reached {
				title, age = " has not been reached since the start", ""
			}
		case Behind:
			age = span(p.late().Seconds())
		case Losing:
		default:
			continue
		}
		title, hint := strings.TrimSuffix(p.Name+title+age+": "+p.Part.Cause, ": "), s.untilThen(p)
		if p.Part.Remedy != "" {
			hint = strings.ToUpper(p.Part.Remedy[:1]) + p.Part.Remedy[1:] + ". " + hint
		}
		found = append(found, Problem{p.Part.Level, title, clip(p.Part.Waiting), hint, p.Part.Runbook()})
	}
	return found
}

// Runbook is the section of docs/operations.md on the state of a part.
func (p *Part) Runbook() string { return p.Name + "-" + strings.ReplaceAll(string(p.State), " ", "-") }

// untilThen says what happens while a sink does not take all.
func (s *Status) untilThen(p *Path) string {
	waits := ""
	if s.Held.Waiting > 0 {
		waits = "Waiting on this node: " + count(s.Held.Waiting, "finished file") + ". "
	}
	switch {
	case p.Part.Name == "loki" && p.Part.State == Losing:
		return "The log of the sidecar has its reasons; the archive has the lines."
	case p.Part.Name == "loki":
		return size(p.LagBytes) + " wait on this node and are sent later. Alert rules look at the last minutes and miss them."
	case p.Part.State == Losing:
		return waits + "The oldest were given up, and the next are while the archive takes nothing."
	case s.BudgetFull == forever:
		return waits + "The log does not grow now; the disk budget has " + size(max(0, s.Held.Max-s.Held.Used)) + " left."
	}
	return waits + "The disk budget is full in " + span(s.BudgetFull) + " at " + size(s.Rate) + "/s; then the oldest files are given up."
}

// budget reports faults of the disk budget.
func (s *Status) budget() []Problem {
	var largest float64
	for _, f := range s.Files {
		largest = max(largest, float64(f.Size))
	}
	known := fmt.Sprintf("%s of %s; %s are free on the disk. The largest file has %s.", size(s.Held.Used), size(s.Held.Max), size(s.Held.DiskFree), size(largest))
	switch share := s.Held.Share(); {
	case share > fullShare:
		title := fmt.Sprintf("Held files use %.0f %% of their disk budget", 100*share)
		if s.BudgetFull < forever {
			title += ", full in " + span(s.BudgetFull)
		}
		return []Problem{{Bad, title, known, "Beyond it the oldest files are given up. Bring the sinks back, or raise --held-max-bytes.", "auditsidecarheldbudget"}}
	case s.BudgetFull < shortBudget.Seconds() || s.Held.Max > 0 && s.Held.Max < largest:
		return []Problem{{Warn, "The disk budget of " + size(s.Held.Max) + " is too small for an outage", known,
			"It has to hold the files that kube-apiserver prunes while a sink is unavailable: raise --held-max-bytes, or free the disk.", "capacity"}}
	}
	return nil
}

// lost are breaks in the log that are new.
func (s *Status) lost() []Problem {
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
	detail := fmt.Sprintf("The last one, %s: %s, %s.", s.ago(g.At), cmp.Or(g.File, "the log"), strings.ReplaceAll(g.Reason, "_", " "))
	return []Problem{{Bad, title, detail, "Each is a record in the archive, and is listed below. It is news for a day.", "a-gap-was-recorded"}}
}

// stuck are files that cannot be archived as they are.
func (s *Status) stuck() []Problem {
	if s.Held.Stuck == 0 {
		return nil
	}
	return []Problem{{Bad, count(s.Held.Stuck, "file") + " cannot be archived", "Quarantined: kept as they are, for an operator to inspect.",
		"The list of files and the log say why.", "auditsidecarquarantined"}}
}

// unsigned are records that a writer of the archive can replace.
func (s *Status) unsigned() []Problem {
	if !s.Unsigned {
		return nil
	}
	return []Problem{{Warn, "The records are not signed: there is no key", "They prove accidents, and nothing against a person who can write all of the archive.",
		"Make a key with auditsidecar keygen, and give it as --signing-key-file.", "no-signing-key"}}
}

// writer reports faults of kube-apiserver.
func writer(f figures) (found []Problem) {
	if f.get("writer_on_deleted_file") > 0 {
		found = append(found, Problem{Bad, "kube-apiserver writes to a deleted file", "Its audit log has no name any more. The sidecar still has the file and reads it.",
			"Restart kube-apiserver to get a new one, and ask who deleted it.", "auditsidecarwriterondeletedfile"})
	}
	if f.get("rotation_off") > 0 {
		found = append(found, Problem{Warn, "The audit log is not rotated", "The open file is over 1 GiB; only finished files are archived whole.",
			"Set --audit-log-maxsize of kube-apiserver (100).", "auditsidecarrotationoff"})
	}
	return found
}
