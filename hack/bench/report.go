package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// report prints the measurements.
func (s *session) report() error {
	fmt.Printf("\nInput: %.1f MB, %d lines; %d of them keep raw (%.2f %%). Medians of %d rounds, one core.\n\n",
		float64(s.size)/1e6, s.lines, s.rawLines, 100*float64(s.rawLines)/float64(max(s.lines, 1)), s.rounds)
	fmt.Printf("%-36s %12s %10s %12s\n", "", "CPU s per GB", "peak MB", "MB per GB")
	s.ours.name, s.checked.name, s.json.name = "auditsidecar", "auditsidecar with Check", "encoding/json + GenericWriter"
	for _, r := range []*series{&s.ours, &s.checked, &s.plain, &s.sorted, &s.zstd, &s.json} {
		if len(r.cpu) == 0 {
			continue
		}
		gb := float64(s.size) / 1e9
		fmt.Printf("%-36s %12.2f %10.0f %12.1f\n", r.name, median(r.cpu)/gb, float64(r.rss)/1e6, float64(r.size)/1e6/gb)
	}
	s.reportRatios()
	if err := s.reportStages(); err != nil {
		return err
	}
	if err := s.reportQueries(); err != nil {
		return err
	}
	if s.large {
		return s.reportLarge()
	}
	return nil
}

// goal prints a figure and whether it is within its bound.
func goal(name string, got float64, atMost bool, bound float64) {
	sign, met := ">=", got >= bound
	if atMost {
		sign, met = "<=", got <= bound
	}
	verdict := "yes"
	if !met {
		verdict = "NO"
	}
	fmt.Printf("%-52s %8.2f   %s %-6g %s\n", name, got, sign, bound, verdict)
}

func (s *session) reportRatios() {
	fmt.Printf("\n%-52s %8s   %-9s met\n", "", "ratio", "goal")
	if len(s.plain.cpu) > 0 {
		goal("speed: DuckDB's CPU / ours", ratio(&s.plain, &s.ours), false, 1.2)
	}
	if len(s.zstd.cpu) > 0 {
		goal("speed: our CPU / zstd -1", ratio(&s.ours, &s.zstd), true, 2.8)
		goal("speed: our CPU with Check / zstd -1", ratio(&s.checked, &s.zstd), true, 4)
	}
	goal("speed: encoding/json's CPU / ours", ratio(&s.json, &s.ours), false, 3.5)
	if len(s.sorted.cpu) > 0 {
		goal("size: ours / DuckDB sorted", float64(s.ours.size)/float64(s.sorted.size), true, 1.08)
	}
	goal("lines without raw, %", 100-100*float64(s.rawLines)/float64(max(s.lines, 1)), false, 99.8)
	goal("peak memory, MB", float64(s.ours.rss)/1e6, true, 64)
	goal("peak memory with Check, MB", float64(s.checked.rss)/1e6, true, 64)
}

func (s *session) reportStages() error {
	shares, err := profile(s.self, s.profiles)
	if err != nil {
		fmt.Println("\nNo breakdown:", err)
		return nil
	}
	perGB := median(s.ours.cpu) / (float64(s.size) / 1e9)
	fmt.Printf("\n%-36s %12s %10s\n", "stage", "CPU s per GB", "%")
	names := make([]string, 0, len(shares))
	for name := range shares {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return int(1000 * (shares[b] - shares[a])) })
	for _, name := range names {
		fmt.Printf("%-36s %12.2f %10.1f\n", name, perGB*shares[name]/100, shares[name])
	}
	return nil
}

// reportQueries prints the bytes that DuckDB reads from our file and from its
// own.
func (s *session) reportQueries() error {
	if s.duckdb == nil {
		return nil
	}
	read, err := s.duckdb.queries(s.output("DuckDB sorted"), s.output("convert"))
	if err != nil {
		return err
	}
	names := make([]string, 0, len(read))
	for name := range read {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Printf("\n%-36s %14s %14s %8s\n", "KB read by DuckDB for a query", "its own file", "ours", "ratio")
	var theirs, ours int64
	for _, name := range names {
		r := read[name]
		theirs, ours = theirs+r[0], ours+r[1]
		fmt.Printf("%-36s %14.0f %14.0f %8.2f\n", name, float64(r[0])/1e3, float64(r[1])/1e3, float64(r[1])/float64(r[0]))
	}
	fmt.Printf("%-36s %14.0f %14.0f %8.2f\n", "all", float64(theirs)/1e3, float64(ours)/1e3, float64(ours)/float64(theirs))
	return nil
}

// reportLarge prints the memory that files of another kind take.
func (s *session) reportLarge() error {
	fmt.Printf("\n%-52s %10s %10s %12s\n", "with Check", "peak MB", "CPU s", "MB written")
	for _, l := range []struct{ name, kind, from string }{
		{"1 GB", "repeat", s.input},
		{"1 GB of short lines, all names distinct", "distinct", "1000"},
		{"10 MB with one line of 9 MB", "long", "9"},
	} {
		in, out := filepath.Join(s.dir, "large.log"), filepath.Join(s.dir, "large.out")
		if err := s.make(l.kind, l.from, in); err != nil {
			return err
		}
		u, _, err := run(nil, s.self, childVerb, "check", in, out)
		if err != nil {
			return err
		}
		info, err := os.Stat(out)
		if err != nil {
			return fmt.Errorf("measure output: %w", err)
		}
		fmt.Printf("%-52s %10.0f %10.1f %12.1f\n", l.name, float64(u.rss)/1e6, u.cpu, float64(info.Size())/1e6)
	}
	fmt.Println(strings.TrimSpace(`
The goal is 64 MB for all but the last: a long line costs about five times its length.`))
	return nil
}
