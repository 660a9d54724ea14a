package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/auditsidecar/auditsidecar/hack/wrap"
	"github.com/auditsidecar/auditsidecar/internal/detect"
)

// table returns the table of docs/detections.md.
func table(s detect.Source) string {
	var out strings.Builder
	out.WriteString("| detection | severity | technique, tactic | audit level | runs in |\n|---|---|---|---|---|\n")
	for _, d := range s.All() {
		fmt.Fprintf(&out, "| [%s](#%s) | %s | %s %s | %s | %s |\n", d.Alert, strings.ToLower(d.Alert), d.Severity,
			strings.Join(d.Attack, ", "), d.Tactic, d.Level, runsIn(d))
	}
	return out.String()
}

func runsIn(d *detect.Detection) string {
	switch {
	case d.SQL != "":
		return "SQL only: needs the past"
	case d.Statement(nil) == "":
		return "Loki only"
	}
	return "Loki, SQL"
}

// runbooks returns one section for each detection.
func runbooks(s detect.Source) string {
	var out strings.Builder
	for _, g := range s.Groups {
		fmt.Fprintf(&out, "## %s\n\n%s\n\n", g.Name, wrapped(g.About))
		for _, d := range g.Detections {
			fmt.Fprintf(&out, "### %s\n\n%s\n\n", d.Alert, wrapped("**"+d.Severity+"**: "+d.SummaryText()+"."))
			if d.About != "" {
				out.WriteString(wrapped(d.About) + "\n\n")
			}
			out.WriteString(wrapped(d.Runbook) + "\n\n")
			if d.Above > 0 {
				out.WriteString(wrapped(fmt.Sprintf("Fires above %d%s in %s: %s", d.Above, what(d), d.Window.Text(), d.Reason)) + "\n\n")
			}
			if lists := lists(d, s.Lists); len(lists) > 0 {
				out.WriteString(wrapped("Left out: "+strings.Join(lists, ", ")+".") + "\n\n")
			}
		}
	}
	return strings.TrimSpace(out.String()) + "\n"
}

func what(d *detect.Detection) string {
	if len(d.Distinct) > 0 {
		return " different values of " + strings.Join(d.Distinct, ", ")
	}
	return ""
}

// lists are the lists of accounts that a detection leaves out.
func lists(d *detect.Detection, all map[string]detect.List) (used []string) {
	for name, l := range all {
		if l.About == "" {
			continue
		}
		for _, c := range slices.Concat(d.When, d.Except) {
			if p, ok := c["user"]; ok && strings.Contains(p.Regex, l.Pattern()) && !slices.Contains(used, name) {
				used = append(used, name)
			}
		}
	}
	slices.Sort(used)
	return used
}

// accounts returns the table of the lists that detections leave out.
func accounts(s detect.Source) string {
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

// wrapped breaks a paragraph at 100 characters.
func wrapped(text string) string {
	return strings.TrimSpace(wrap.Markdown(strings.Join(strings.Fields(text), " ") + "\n"))
}
