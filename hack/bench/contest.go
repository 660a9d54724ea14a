package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// contest has every contender convert one corpus, round after round.
type contest struct {
	*session
	name, input string
	size        int64 // of the input, bytes
	rounds      int

	lines, rawLines int64
	profiles        []string // of the converter within this program

	plain, checked series // the binary: convert --no-check, convert
	inside         series // the converter and its check within this program, for the stages
	reference      series // zstd
	duck, sorted   series // DuckDB
	json           series
}

// The contenders as they are printed.
const (
	nameChecked = "auditsidecar convert"
	namePlain   = "auditsidecar convert --no-check"
	nameDuck    = "DuckDB, COPY alone"
	nameSorted  = "DuckDB sorted, COPY alone"
	nameZstd    = "zstd -1 -T1"
	nameJSON    = "encoding/json + GenericWriter"
)

// contender is a program of the contest; run leaves it out if it is nil.
type contender struct {
	name string
	to   *series
	run  func(out string) (usage, error)
}

func (c *contest) contenders() []contender {
	all := []contender{
		{namePlain, &c.plain, func(out string) (usage, error) { return c.convert(out, "--no-check") }},
		{nameZstd, &c.reference, nil},
		{nameChecked, &c.checked, func(out string) (usage, error) { return c.convert(out) }},
		{nameDuck, &c.duck, nil},
		{nameSorted, &c.sorted, nil},
		{nameJSON, &c.json, func(out string) (usage, error) {
			u, answer, err := run(nil, c.ref, c.input, out)
			return u.sinceStart(answer, err)
		}},
	}
	for i := range all {
		switch a := &all[i]; {
		case a.to == &c.reference && c.zstd != "":
			a.run = func(out string) (usage, error) {
				u, _, err := run(nil, c.zstd, "-q", "-1", "-T1", "-f", c.input, "-o", out)
				return u, err
			}
		case a.to == &c.duck && c.duckdb != nil:
			a.run = func(out string) (usage, error) { return c.duckdb.copyTo(c.input, out, "plain") }
		case a.to == &c.sorted && c.duckdb != nil:
			a.run = func(out string) (usage, error) { return c.duckdb.copyTo(c.input, out, "sorted") }
		}
	}
	return all
}

// run runs all rounds.
func (c *contest) run() error {
	for i := range c.rounds {
		fmt.Fprintf(os.Stderr, "%s: round %d of %d\n", c.name, i+1, c.rounds)
		if err := c.profile(i); err != nil {
			return err
		}
		for _, contender := range c.contenders() {
			if err := c.contend(contender); err != nil {
				return err
			}
		}
	}
	return nil
}

// profile runs the converter and its check within this program, which takes a profile.
func (c *contest) profile(n int) error {
	path := c.output(strconv.Itoa(n)) + ".profile"
	u, answer, err := run([]string{profileVariable + "=" + path}, c.self, childVerb, "check", c.input, c.output("inside"))
	if u, err = u.sinceStart(answer, err); err != nil {
		return err
	}
	c.profiles, c.inside.cpu = append(c.profiles, path), append(c.inside.cpu, u.cpu)
	return nil
}

// convert runs the verb as users do, and reads its account of the lines.
func (c *contest) convert(out string, flags ...string) (usage, error) {
	u, answer, err := run(nil, c.binary, append([]string{"convert", c.input, "--out", out, "-o", "json"}, flags...)...)
	if err != nil {
		return u, err
	}
	var account struct{ Lines, RawLines int64 }
	if err := json.Unmarshal(answer, &account); err != nil {
		return u, fmt.Errorf("read the answer of convert: %w", err)
	}
	c.lines, c.rawLines = account.Lines, account.RawLines
	return u, nil
}

// contend runs one contender and notes its cost.
func (c *contest) contend(contender contender) error {
	if contender.run == nil {
		return nil
	}
	out := c.output(contender.name)
	if err := os.Remove(out); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove output: %w", err)
	}
	u, err := contender.run(out)
	if err != nil {
		return err
	}
	info, err := os.Stat(out)
	if err != nil {
		return fmt.Errorf("measure output: %w", err)
	}
	contender.to.cpu = append(contender.to.cpu, u.cpu)
	contender.to.rss = max(contender.to.rss, u.rss)
	contender.to.size = info.Size()
	return nil
}

// output names a contender's file of this corpus; convert writes one file if it ends
// in .parquet.
func (c *contest) output(name string) string {
	return filepath.Join(c.dir, strings.Map(func(r rune) rune {
		if strings.ContainsRune(" /,", r) {
			return '-'
		}
		return r
	}, c.name+" "+name)+".parquet")
}
