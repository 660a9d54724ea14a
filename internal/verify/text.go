package verify

import (
	"cmp"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// page is text for people. Nothing in it that comes from an archive moves the cursor or
// begins a line.
type page struct{ strings.Builder }

// printf is fmt.Fprintf with every text escaped.
func (p *page) printf(format string, args ...any) {
	for i, arg := range args {
		if v := reflect.ValueOf(arg); v.Kind() == reflect.String {
			args[i] = archive.Printable(v.String())
		}
	}
	fmt.Fprintf(p, format, args...)
}

const timeLayout = "2006-01-02T15:04:05Z"

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	b := &page{}
	b.printf("%-10s %s\n%-10s %s, %s\n", "archive", r.Archive, "checked", stamp(r.At), r.Asked.text())
	for i := range r.Nodes {
		r.Nodes[i].text(b)
	}
	for _, n := range r.Notes {
		b.printf("note: %s\n", n)
	}
	for i := range r.Findings {
		r.Findings[i].text(b)
	}
	if r.Omitted > 0 {
		b.printf("note: findings and notes left out: %d more\n", r.Omitted)
	}
	gaps, how := 0, "OK"
	if len(r.Unread) > 0 {
		how = "OK in part (" + archive.Printable(strings.Join(r.Unread, "; ")) + ")"
	}
	for i := range r.Nodes {
		gaps += len(r.Nodes[i].Gaps)
	}
	switch n := len(r.Findings); {
	case n == 1 && r.Unrecorded > 0:
		b.printf("UNRECORDED: read %s, and no record vouches for any: this proves nothing\n", english.Plural(r.Unrecorded, "file", ""))
	case n > 0:
		b.printf("FAILED: %s\n", english.Plural(n, "finding", ""))
	case r.Empty:
		b.WriteString("NOTHING VERIFIED: no file has a record\n")
	case gaps > 0:
		b.printf("%s, but for the recorded gaps (%d): nothing else is missing and nothing was changed, as far as this was to be checked\n", how, gaps)
	default:
		b.printf("%s: nothing is missing and nothing was changed, as far as this was to be checked\n", how)
	}
	if !r.Anchored {
		b.WriteString("signatures not anchored: no public key was given (--key), so the first key of each tree was taken on trust\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "?"
	}
	return t.UTC().Format(timeLayout)
}

// text describes the checks.
func (a Asked) text() string {
	s := "records, sizes and checksums of all objects"
	switch {
	case a.Rollups:
		s = "rollups of the days that have one, and that their records are there; the other records"
	case a.ChainOnly:
		s = "records only"
	case a.Deep:
		s = "records and objects; every file restored and hashed"
	}
	if !a.From.IsZero() || !a.To.IsZero() {
		s += fmt.Sprintf("; %s to %s", stamp(a.From), stamp(a.To))
	}
	switch {
	case len(a.Keys) > 0:
		s += "; trusted keys " + strings.Join(a.Keys, ", ")
	default:
		s += "; no public key was given"
	}
	return s
}

func (n *Node) text(b *page) {
	b.printf("%s/%s: archived to %s, recorded to %s; nothing after that is proven\n", n.Cluster, n.Node, stamp(n.Archived), stamp(n.Recorded))
	for _, e := range n.Epochs {
		b.printf("  epoch %s, machine %.8s: %s to %s\n", e.Epoch, cmp.Or(e.MachineID, "unknown"), stamp(e.First), stamp(e.Last))
		b.printf("    %s, %s, %s; %s, %s in %s of %s\n", count(e.Records, "record"), count(e.Files, "file"),
			count(e.Heartbeats, "heartbeat"), count(e.Lines, "line"), count(e.Bytes, "byte"), count(e.Objects, "object"), count(e.ObjectBytes, "byte"))
	}
	for _, t := range n.Trees {
		signed := "not signed: this finds accidents, not an attacker who can write all of the archive"
		switch {
		case t.Signed > 0:
			signed = fmt.Sprintf("%s signed by %s", humanize.Comma(t.Signed), strings.Join(t.Keys, ", "))
		case t.Records == 0:
			signed = "no record is new"
		}
		if t.Trusted > 0 {
			signed += fmt.Sprintf("; %s before them were trusted already", humanize.Comma(t.Trusted))
		}
		b.printf("  tree %s: head %d %s\n    %s of %s records proven; %s\n", t.Origin, t.Head.Number, t.Head.Root, humanize.Comma(t.Proven), humanize.Comma(t.Records), signed)
	}
	for _, g := range n.Gaps {
		b.printf("  recorded gap: %s, %s to %s, %s bytes%s (record %d) %s\n", g.Reason, stamp(g.From.Time), stamp(g.To.Time), unknown(g.Bytes), of(g.File), g.Number, g.Detail)
	}
}

// count is a number of things: "1 file", "3,000 files".
func count(n int64, thing string) string {
	return humanize.Comma(n) + " " + english.PluralWord(int(n), thing, "")
}

func of(file string) string {
	if file == "" {
		return ""
	}
	return " of " + file
}

func unknown(n int64) string {
	if n < 0 {
		return "an unknown number of"
	}
	return "about " + humanize.Comma(n)
}

func (f *Finding) text(b *page) {
	b.printf("FINDING %s: %s\n  %s\n", f.Kind, f.location(), f.Detail)
	var scope []string
	if f.File != "" {
		scope = append(scope, f.File)
	}
	if f.Lines != nil {
		scope = append(scope, f.Lines.String())
	}
	if !f.From.IsZero() || !f.To.IsZero() {
		scope = append(scope, stamp(f.From)+" to "+stamp(f.To))
	}
	if len(scope) > 0 {
		b.printf("  not to be trusted: %s\n", strings.Join(scope, ", "))
	}
}

// WriteText writes the line and its proof for people.
func (e *Event) WriteText(w io.Writer) error {
	b := &page{}
	b.printf("%s\n\n", e.Text)
	b.printf("line %d of %d of %s (%s/%s), epoch %s, number %d\n", e.Line, e.Lines, e.File, e.Cluster, e.Node, e.Epoch, e.Seq)
	if e.Redacted {
		b.WriteString("this is the redacted line\n")
	}
	b.printf("leaf hash    %s\n", e.LeafHash)
	for i, h := range e.Path {
		b.printf("path %2d      %s\n", i, h)
	}
	b.printf("Merkle root  %s\n", e.MerkleRoot)
	b.printf("in record    %s\nleaf hash    %s\n", e.Record, e.RecordLeaf)
	for i, h := range e.RecordPath {
		b.printf("path %2d      %s\n", i, h)
	}
	b.printf("checkpoint\n%s\ninclusion verified (RFC 6962)\n\n", e.Checkpoint)
	_, err := io.WriteString(w, b.String())
	return err
}
