package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// alert is one finding of Vale.
type alert struct {
	Line     int
	Severity string
	Message  string
	path     string
}

func (a alert) String() string { return fmt.Sprintf("%s:%d: %s", a.path, a.Line, a.Message) }

// lint runs Vale over dir and returns its alerts, ordered by file and line.
func lint(vale, dir string) ([]alert, error) {
	config, err := filepath.Abs("hack/vale/vale.ini")
	if err != nil {
		return nil, err
	}
	var stderr bytes.Buffer
	cmd := exec.Command(vale, "--config", config, "--output=JSON", "--no-exit", "--no-global", dir)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run Vale (make words builds it): %w: %s", err, stderr.Bytes())
	}
	byFile := make(map[string][]alert)
	if err := json.Unmarshal(out, &byFile); err != nil {
		return nil, fmt.Errorf("read Vale's report: %w", err)
	}
	var all []alert
	for name, alerts := range byFile {
		name, err := filepath.Rel(dir, name)
		if err != nil {
			return nil, err
		}
		name = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(filepath.ToSlash(name), ".txt"), ".comments"), ".texts")
		for _, a := range alerts {
			a.path = name
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b alert) int {
		if c := strings.Compare(a.path, b.path); c != 0 {
			return c
		}
		return a.Line - b.Line
	})
	return all, nil
}

// firstChecked is the last commit whose subject had no form to keep.
const firstChecked = "88413f6fb4d4dbc6597fe6af7ad6f48c1c36385c"

// checkCommits returns the subjects of commits after firstChecked that have not
// the form of subjects. Without the history of git there is nothing to check.
func checkCommits() (findings []string, err error) {
	if !hasCommit(firstChecked) {
		return nil, nil
	}
	out, err := exec.Command("git", "log", "--no-merges", "--format=%h %s", firstChecked+"..HEAD").Output()
	if err != nil {
		return nil, fmt.Errorf("git log: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		id, subject, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if err := checkSubject(subject); err != nil {
			findings = append(findings, fmt.Sprintf("commit %s: %q: %v", id, subject, err))
		}
	}
	return findings, nil
}

// hasCommit reports whether the history reaches back to a commit: not in an archive of
// the source, nor in a shallow clone.
func hasCommit(id string) bool {
	return exec.Command("git", "cat-file", "-e", id+"^{commit}").Run() == nil
}

// checkSubject says whether a subject has the form "package: imperative what".
func checkSubject(subject string) error {
	where, text, found := strings.Cut(subject, ": ")
	first, rest, _ := strings.Cut(text, " ")
	switch {
	case !found || where == "" || strings.Contains(strings.ReplaceAll(where, ", ", ""), " "):
		return errors.New("write the packages, a colon and a sentence: package: imperative verb and object")
	case rest == "" || strings.ToLower(first) != first:
		return errors.New("after the colon, write a lower-case verb in the imperative, and its object")
	case slices.Contains([]string{"a", "an", "the", "all", "no", "some", "one", "two", "what", "how", "it"}, first),
		strings.HasSuffix(first, "ed") && first != "embed" && first != "seed" && first != "feed" && first != "need" && first != "shed", strings.HasSuffix(first, "ing") && first != "bring":
		return fmt.Errorf("%q is not a verb in the imperative", first)
	case len(subject) > 100:
		return fmt.Errorf("it has %d bytes, more than 100", len(subject))
	}
	return nil
}
