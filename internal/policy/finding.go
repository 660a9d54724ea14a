package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Severity is how bad a finding is.
type Severity string

// The severities.
const (
	// SeverityError: kube-apiserver refuses the policy, or secrets get into the log.
	SeverityError Severity = "error"
	// SeverityWarning: the policy does not work as written, or misses events that it should have.
	SeverityWarning Severity = "warning"
	// SeverityInfo is worth knowing and may be meant so.
	SeverityInfo Severity = "info"
)

// Findings by which policies are compared.
const (
	idBlind      = "blind-detection" // a shipped detection gets too little to work with
	idBlindQuery = "blind-query"     // a shipped query does
	idSecrets    = "secret-values"   // values of secrets or tokens get into the log
)

// Finding is one thing that is wrong with a policy.
type Finding struct {
	ID       string   `json:"id"`       // stable, such as "dead-rule"
	Severity Severity `json:"severity"` //
	Line     int      `json:"line"`     // in the file, 1-based; 0: the file as a whole
	Rule     int      `json:"rule"`     // number of the rule, 1-based; 0: none
	Message  string   `json:"message"`  // the fault
	Fix      string   `json:"fix"`      // the remedy
}

// Bad says whether any finding is more than information.
func Bad(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity != SeverityInfo })
}

// at returns a finding about rule i.
func (p *Policy) at(i int, id string, severity Severity, fix, message string, args ...any) Finding {
	return Finding{
		ID: id, Severity: severity, Line: p.Rules[i].Line, Rule: i + 1,
		Message: fmt.Sprintf("rule %d: ", i+1) + fmt.Sprintf(message, args...), Fix: fix,
	}
}

// whole returns a finding about the policy as a whole.
func (p *Policy) whole(id string, severity Severity, fix, message string, args ...any) Finding {
	return Finding{ID: id, Severity: severity, Line: p.line, Message: fmt.Sprintf(message, args...), Fix: fix}
}

// rules names rules by number and line: "rule 2 (line 9) and rule 4 (line 20)".
func (p *Policy) rules(indexes []int) string {
	names := make([]string, len(indexes))
	for n, i := range indexes {
		names[n] = fmt.Sprintf("rule %d (line %d)", i+1, p.Rules[i].Line)
	}
	return listed(names, "and")
}

// listed joins words as a sentence has them.
func listed(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	n := len(words) - 1
	return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
}
