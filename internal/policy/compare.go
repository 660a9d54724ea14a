package policy

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Comparison has the findings that only one of two policies has.
type Comparison struct {
	// Blinded are the alerts that the candidate blinds, Queries the queries, Secrets the secret
	// values that the policy logs and the candidate does not, Worse its other new findings.
	Blinded []string `json:"blinded"`
	Queries []string `json:"blindedQueries"`
	Secrets []string `json:"secretsNoLongerLogged"`
	Worse   []string `json:"newFindings"`
}

// Compare compares the findings of [Lint] about a policy with those about a candidate.
func Compare(now, candidate []Finding) *Comparison {
	c := &Comparison{Blinded: []string{}, Queries: []string{}, Secrets: []string{}, Worse: []string{}}
	has := func(all []Finding, f Finding) bool {
		return slices.ContainsFunc(all, func(g Finding) bool { return f.ID == g.ID && unnumbered(f.Message) == unnumbered(g.Message) })
	}
	for _, f := range candidate {
		switch {
		case has(now, f):
		case f.ID == idBlind:
			c.Blinded = append(c.Blinded, f.Message)
		case f.ID == idBlindQuery:
			c.Queries = append(c.Queries, f.Message)
		case f.Severity != SeverityInfo:
			c.Worse = append(c.Worse, f.Message)
		}
	}
	for _, f := range now {
		if f.ID == idSecrets && !has(candidate, f) {
			c.Secrets = append(c.Secrets, unnumbered(f.Message))
		}
	}
	return c
}

// unnumbered is a message without its rule: a candidate has its rules in other places.
func unnumbered(message string) string {
	if _, rest, ok := strings.Cut(message, ": "); ok && strings.HasPrefix(message, "rule ") {
		return rest
	}
	return message
}

// Write writes the comparison for people.
func (c *Comparison) Write(w io.Writer) error {
	var text strings.Builder
	for _, part := range []struct {
		title string
		lines []string
	}{
		{"Alerts that the candidate blinds", c.Blinded},
		{"Queries that it blinds", c.Queries},
		{"Secrets that it no longer logs", c.Secrets},
		{"Faults of the candidate that the policy does not have", c.Worse},
	} {
		text.WriteString("\n" + part.title + "\n")
		if len(part.lines) == 0 {
			text.WriteString("  none\n")
		}
		for _, l := range part.lines {
			fmt.Fprintf(&text, "  %s\n", l)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}
