package detect

import (
	"fmt"
	"slices"
	"strings"
)

// Table returns the table of docs/detections.md.
func (s Source) Table() string {
	var out strings.Builder
	out.WriteString("| detection | severity | technique, tactic | audit level | runs in |\n|---|---|---|---|---|\n")
	for _, d := range s.All() {
		fmt.Fprintf(&out, "| [%s](#%s) | %s | %s %s | %s | %s |\n", d.Alert, strings.ToLower(d.Alert), d.Severity,
			strings.Join(d.Attack, ", "), d.Tactic, d.Level, d.runsIn())
	}
	return out.String()
}

func (d *Detection) runsIn() string {
	switch {
	case d.SQL != "":
		return "SQL only: needs the past"
	case d.Statement(nil) == "":
		return "Loki only"
	}
	return "Loki, SQL"
}

// Runbooks returns one section for each detection.
func (s Source) Runbooks() string {
	var out strings.Builder
	for _, g := range s.Groups {
		fmt.Fprintf(&out, "## %s\n\n%s\n\n", g.Name, wrap(g.About))
		for _, d := range g.Detections {
			fmt.Fprintf(&out, "### %s\n\n%s\n\n", d.Alert, wrap("**"+d.Severity+"**: "+d.summaryText()+"."))
			if d.About != "" {
				out.WriteString(wrap(d.About) + "\n\n")
			}
			out.WriteString(wrap(d.Runbook) + "\n\n")
			if d.Above > 0 {
				out.WriteString(wrap(fmt.Sprintf("Fires above %d%s in %s: %s", d.Above, d.what(), d.Window.text(), d.Reason)) + "\n\n")
			}
			if lists := d.lists(s.Lists); len(lists) > 0 {
				out.WriteString(wrap("Left out: "+strings.Join(lists, ", ")+".") + "\n\n")
			}
		}
	}
	return strings.TrimSpace(out.String()) + "\n"
}

func (d *Detection) what() string {
	if len(d.Distinct) > 0 {
		return " different values of " + strings.Join(d.Distinct, ", ")
	}
	return ""
}

// lists are the lists of accounts that a detection leaves out.
func (d *Detection) lists(all map[string]List) (used []string) {
	for name, l := range all {
		if l.About == "" {
			continue
		}
		for _, c := range slices.Concat(d.When, d.Except) {
			if p, ok := c["user"]; ok && strings.Contains(p.Regex, l.pattern()) && !slices.Contains(used, name) {
				used = append(used, name)
			}
		}
	}
	slices.Sort(used)
	return used
}

// Accounts returns the table of the lists that detections leave out.
func (s Source) Accounts() string {
	var names []string
	for name, l := range s.Lists {
		if l.About != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out strings.Builder
	out.WriteString("| list | whose accounts | names |\n|---|---|---|\n")
	for _, name := range names {
		l := s.Lists[name]
		fmt.Fprintf(&out, "| %s | %s | `%s` |\n", name, l.About, strings.ReplaceAll(strings.Join(l.Of, "`, `"), "|", `\|`))
	}
	return out.String()
}

// wrap breaks a paragraph at 100 characters.
func wrap(text string) string {
	var out strings.Builder
	width := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case width+1+len(word) > 100:
			out.WriteString("\n")
			width = 0
		default:
			out.WriteString(" ")
			width++
		}
		out.WriteString(word)
		width += len(word)
	}
	return out.String()
}
