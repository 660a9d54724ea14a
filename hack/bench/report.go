package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/auditsidecar/auditsidecar/hack/bench/goals"
)

// maxPeak bounds the memory of a verb, in MB.
const maxPeak = 256

// report prints the measurements of one corpus.
func (c *contest) report(w io.Writer) error {
	fmt.Fprintf(w, "\nCorpus %q: %.1f MB, %d lines; %d of them keep raw (%.2f %%). Medians of %d paired rounds.\n\n",
		c.name, float64(c.size)/1e6, c.lines, c.rawLines, 100*float64(c.rawLines)/float64(max(c.lines, 1)), c.rounds)
	c.reportCosts(w)
	if err := c.reportStages(w); err != nil {
		return err
	}
	return c.reportQueries(w)
}

// reportCosts prints the cost of each contender and its ratio to the references
// of the same rounds.
func (c *contest) reportCosts(w io.Writer) {
	fmt.Fprintf(w, "%-34s %12s %10s %10s %9s %10s\n", "whole process", "CPU s per GB", "/ zstd -1", "DuckDB /", "peak MB", "MB per GB")
	gb := float64(c.size) / 1e9
	for _, r := range c.contenders() {
		if len(r.to.cpu) == 0 {
			fmt.Fprintf(w, "%-34s %12s\n", r.name, "not installed")
			continue
		}
		fmt.Fprintf(w, "%-34s %12.2f %10s %10s %9.0f %10.1f\n", r.name, median(r.to.cpu)/gb, beside(r.to, &c.reference), beside(&c.duck, r.to),
			float64(r.to.rss)/1e6, float64(r.to.size)/1e6/gb)
	}
}

// beside is the ratio of two series, or "-" if one of them was not measured.
func beside(a, b *series) string {
	if len(a.cpu) == 0 || len(b.cpu) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", ratio(a, b))
}

// goals are the figures with goals: those whose reference was measured.
func (c *contest) goals() (all []goals.Goal) {
	at := func(name string) string { return name + ", " + c.name }
	if len(c.reference.cpu) > 0 {
		all = append(all,
			goals.Goal{Name: at("convert"), Figure: ratio(&c.checked, &c.reference), Unit: "x", Reference: nameZstd, Goal: 3.6, Aim: 2.8},
			goals.Goal{Name: at("--no-check"), Figure: ratio(&c.plain, &c.reference), Unit: "x", Reference: nameZstd, Goal: 2.4, Aim: 2})
	}
	if len(c.duck.cpu) > 0 {
		g := goals.Goal{Name: at("DuckDB"), Figure: ratio(&c.duck, &c.plain), Unit: "x", Reference: "convert --no-check", AtLeast: true, Goal: 1.05, Aim: 1.3}
		if c.name == builtIn {
			g.Goal = 1.25
		}
		all = append(all, g)
	}
	return append(all, peakGoal(at("peak memory"), max(c.plain.rss, c.checked.rss)))
}

// peakGoal is the goal of a verb's memory.
func peakGoal(name string, bytes int64) goals.Goal {
	return goals.Goal{Name: name, Figure: float64(bytes) / 1e6, Unit: "MB", Reference: "limit of a verb", Goal: maxPeak, Aim: maxPeak}
}

// reportStages prints the parts of the conversion and of its check, of the profiles.
func (c *contest) reportStages(w io.Writer) error {
	shares, err := profile(c.self, c.profiles)
	if err != nil {
		fmt.Fprintln(w, "\nNo breakdown:", err)
		return nil
	}
	perGB := median(c.inside.cpu) / (float64(c.size) / 1e9)
	fmt.Fprintf(w, "\n%-36s %12s %10s\n", "stage of convert, in-process", "CPU s per GB", "%")
	names := slices.Collect(maps.Keys(shares))
	slices.SortFunc(names, func(a, b string) int { return int(1000 * (shares[b] - shares[a])) })
	for _, name := range names {
		fmt.Fprintf(w, "%-36s %12.2f %10.1f\n", name, perGB*shares[name]/100, shares[name])
	}
	return nil
}

// reportQueries prints the bytes that DuckDB reads from our file and from its
// own.
func (c *contest) reportQueries(w io.Writer) error {
	if c.duckdb == nil {
		return nil
	}
	read, err := c.duckdb.queries(c.output(nameSorted), c.output(nameChecked))
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%-36s %14s %14s %8s\n", "KB read by DuckDB for a query", "its own file", "ours", "ratio")
	var theirs, ours int64
	for _, name := range slices.Sorted(maps.Keys(read)) {
		r := read[name]
		theirs, ours = theirs+r[0], ours+r[1]
		fmt.Fprintf(w, "%-36s %14.0f %14.0f %8.2f\n", name, float64(r[0])/1e3, float64(r[1])/1e3, float64(r[1])/float64(r[0]))
	}
	fmt.Fprintf(w, "%-36s %14.0f %14.0f %8.2f\n", "all", float64(theirs)/1e3, float64(ours)/1e3, float64(ours)/float64(theirs))
	return nil
}

// reportLarge prints the memory that `convert` takes for files of another kind,
// and returns the most that files of 1 GB take.
func (s *session) reportLarge(w io.Writer) (peak int64, err error) {
	fmt.Fprintf(w, "\n%-52s %10s %10s %12s\n", nameChecked, "peak MB", "CPU s", "MB written")
	for _, l := range []struct{ name, kind, from string }{
		{"1 GB", "repeat", s.corpora[0].input},
		{"1 GB of short lines, all names distinct", "distinct", "1000"},
		{"10 MB with one line of 9 MB", "long", "9"},
	} {
		c := contest{session: s, name: l.name, input: filepath.Join(s.dir, "large.log")}
		if err := s.make(l.kind, l.from, c.input); err != nil {
			return 0, err
		}
		var cost series
		if err := c.contend(contender{l.name, &cost, func(out string) (usage, error) { return c.convert(out) }}); err != nil {
			return 0, err
		}
		if err := os.Remove(c.output(l.name)); err != nil {
			return 0, fmt.Errorf("remove output: %w", err)
		}
		peak = max(peak, cost.rss)
		fmt.Fprintf(w, "%-52s %10.0f %10.1f %12.1f\n", l.name, float64(cost.rss)/1e6, cost.cpu[0], float64(cost.size)/1e6)
	}
	return peak, nil
}
