package advise

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// Report has the sums of a log. Bytes are those of the log, which Loki ingests, beside labels and
// structured metadata.
type Report struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Sum
	// Unread are lines that are no event, or have no level.
	Unread    Sum        `json:"unread"`
	Rules     []*Rule    `json:"rules"`
	Proposals []Proposal `json:"proposals"`
	// Candidate is there if one was given.
	Candidate *Change `json:"candidate,omitempty"`
}

// Proposal is a rule, or a setting, that saves bytes.
type Proposal struct {
	Name string `json:"name"`
	Why  string `json:"why"`
	// Loses is evidence that no other event has; empty: none.
	Loses string `json:"loses,omitempty"`
	// YAML is to be put before the other rules, or on the policy's top level.
	YAML string `json:"yaml"`
	// Sum is its saving, after the proposals before it.
	Sum
}

// Top is a name with its events and bytes.
type Top struct {
	Name string `json:"name"`
	Sum
}

// tops counts by name.
type tops map[string]*Sum

// maxNames bounds the names that are counted apart; others share one line.
const maxNames = 2000

const otherNames = "(others)"

func (t *tops) add(name string, size int64) {
	if *t == nil {
		*t = make(tops)
	}
	s := (*t)[name]
	if s == nil {
		if len(*t) >= maxNames {
			name = otherNames
		}
		if s = (*t)[name]; s == nil {
			s = new(Sum)
			(*t)[name] = s
		}
	}
	s.add(size)
}

// first returns the names with the most bytes.
func (t tops) first(n int) []Top {
	all := make([]Top, 0, len(t))
	for name, s := range t {
		all = append(all, Top{name, *s})
	}
	slices.SortFunc(all, func(a, b Top) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Name, b.Name)) })
	return all[:min(n, len(all))]
}

// shown is how many users and resources of a rule are reported.
const shown = 5

// Report returns the sums so far.
func (a *Advisor) Report() *Report {
	r := &Report{From: a.from, To: a.to, Sum: a.all, Unread: a.unread, Rules: a.rules, Proposals: []Proposal{}}
	for _, rule := range r.Rules {
		rule.Users, rule.Resources = rule.users.first(shown), rule.resources.first(shown)
	}
	for i, p := range a.proposals {
		if a.saved[i].Bytes > 0 {
			r.Proposals = append(r.Proposals, Proposal{p.name, p.why, p.loses, p.yaml, a.saved[i]})
		}
	}
	if a.stages.Bytes > 0 {
		r.Proposals = append(r.Proposals, Proposal{"stage RequestReceived", "the event of the request's end repeats it", "", "omitStages: [RequestReceived]", a.stages})
	}
	if a.fields > 0 {
		r.Proposals = append(r.Proposals, Proposal{"managedFields", "who set which field; the event itself says who wrote", "", "omitManagedFields: true", Sum{Bytes: a.fields}})
	}
	slices.SortStableFunc(r.Proposals, func(a, b Proposal) int {
		return cmp.Or(cmp.Compare(min(1, len(a.Loses)), min(1, len(b.Loses))), cmp.Compare(b.Bytes, a.Bytes))
	})
	if a.Candidate != nil {
		r.Candidate = &a.change
	}
	return r
}

// Prices are in any currency; 0 leaves a price out.
type Prices struct {
	Loki    float64 // of a GB (1e9 bytes) that Loki ingests
	Archive float64 // of a GB that is archived, for as long as it is kept
	Ratio   float64 // archived bytes for each byte of the log
}

// money is the cost of bytes a month, at the rate of the log; empty without prices.
func (r *Report) money(bytes int64, p Prices) string {
	days := r.To.Sub(r.From).Hours() / 24
	if p.Loki == 0 && p.Archive == 0 || days <= 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", float64(bytes)/1e9*(p.Loki+p.Archive*p.Ratio)/days*30)
}

func (r *Report) share(bytes int64) string {
	return fmt.Sprintf("%.1f %%", 100*float64(bytes)/float64(max(r.Bytes, 1)))
}

// Write writes the report for people.
func (r *Report) Write(w io.Writer, p Prices) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%s events, %s", humanize.Comma(r.Events), size(r.Bytes))
	if !r.From.IsZero() {
		fmt.Fprintf(&out, ", from %s to %s", r.From.Format(time.RFC3339), r.To.Format(time.RFC3339))
	}
	out.WriteString("\n")
	if r.Unread.Events > 0 {
		fmt.Fprintf(&out, "%s lines (%s) are no whole event and belong to no rule\n", humanize.Comma(r.Unread.Events), size(r.Unread.Bytes))
	}
	r.writeRules(&out, p)
	r.writeProposals(&out, p)
	r.writeCandidate(&out, p)
	_, err := io.WriteString(w, out.String())
	return err
}

func (r *Report) table(out io.Writer, p Prices, titles ...string) *tabwriter.Writer {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	titles = append(titles, "EVENTS", "SIZE", "OF ALL", "ARCHIVED")
	if r.money(1, p) != "" {
		titles = append(titles, "A MONTH")
	}
	_, _ = fmt.Fprintln(t, strings.Join(titles, "\t")) // Flush returns the error
	return t
}

func (r *Report) columns(s Sum, p Prices) string {
	text := fmt.Sprintf("%s\t%s\t%s\t%s", humanize.Comma(s.Events), size(s.Bytes), r.share(s.Bytes), size(int64(float64(s.Bytes)*p.Ratio)))
	if money := r.money(s.Bytes, p); money != "" {
		text += "\t" + money
	}
	return text
}

func (r *Report) writeRules(out *strings.Builder, p Prices) {
	out.WriteString("\nRules of the policy, by size\n")
	t := r.table(out, p, "RULE", "LEVEL")
	rules := slices.Clone(r.Rules)
	slices.SortStableFunc(rules, func(a, b *Rule) int { return cmp.Compare(b.Bytes, a.Bytes) })
	var notes strings.Builder
	for _, rule := range rules {
		if rule.Events == 0 {
			continue
		}
		name := fmt.Sprintf("%d (line %d)", rule.Rule, rule.Line)
		if rule.Rule == 0 {
			name = "none"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\n", name, rule.Level, r.columns(rule.Sum, p))
		fmt.Fprintf(&notes, "  rule %s: %s; %s\n", name, r.named(rule.Resources, rule.Bytes), r.named(rule.Users, rule.Bytes))
		if rule.Other > 0 {
			fmt.Fprintf(&notes, "    %s of its events were logged at another level: the policy was another one then\n", humanize.Comma(rule.Other))
		}
	}
	_ = t.Flush() // to memory
	out.WriteString("\nMost of each\n" + notes.String())
}

// named lists names with their part of a rule's bytes.
func (r *Report) named(all []Top, of int64) string {
	texts := make([]string, len(all))
	for i, t := range all {
		texts[i] = fmt.Sprintf("%s %.0f %%", cmp.Or(archive.Printable(t.Name), "(none)"), 100*float64(t.Bytes)/float64(max(of, 1)))
	}
	return strings.Join(texts, ", ")
}

func (r *Report) writeProposals(out *strings.Builder, p Prices) {
	out.WriteString("\nSavings, those without loss of evidence first\n")
	if len(r.Proposals) == 0 {
		out.WriteString("  none found\n")
		return
	}
	t := r.table(out, p, "PROPOSAL", "LOSES")
	for _, each := range r.Proposals {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\n", each.Name, cmp.Or(each.Loses, "-"), r.columns(each.Sum, p))
	}
	_ = t.Flush() // to memory
	out.WriteString("\nBefore the other rules, or on the policy's top level:\n")
	for _, each := range r.Proposals {
		fmt.Fprintf(out, "  # %s: %s\n", each.Name, each.Why)
		if strings.HasPrefix(each.YAML, "{") {
			out.WriteString("  - " + each.YAML + "\n")
		} else {
			out.WriteString("  " + each.YAML + "\n")
		}
	}
}

func (r *Report) writeCandidate(out *strings.Builder, p Prices) {
	c := r.Candidate
	if c == nil {
		return
	}
	out.WriteString("\nThe candidate\n")
	t := r.table(out, p, "")
	for _, row := range []struct {
		name string
		sum  Sum
	}{{"now", c.Before}, {"with the candidate", c.After}, {"dropped", c.Dropped}, {"shortened", c.Shortened}} {
		_, _ = fmt.Fprintf(t, "%s\t%s\n", row.name, r.columns(row.sum, p))
	}
	_ = t.Flush() // to memory
	if c.Raised > 0 {
		fmt.Fprintf(out, "%s events would be logged at a higher level: how much longer they get is unknown, and so are events that are not logged now\n", humanize.Comma(c.Raised))
	}
}

func size(n int64) string { return humanize.Bytes(uint64(max(n, 0))) }
