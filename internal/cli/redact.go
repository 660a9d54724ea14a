package cli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/redact"
)

const redactLong = `redact shows the effect of a redaction policy on an audit log, without sending or
changing anything: the values that are replaced, with their paths as rules have
them, and how many lines and values each rule replaces. A value that several
rules replace counts for each. Files may be compressed by gzip; "-" is standard input.

Replaced values are shown as its length only, unless --show-values is given.
Without --redact-key-file the markers can be compared within one call only.

With -o json each line of the output is an object: {"change": …} for each line
shown, then one {"summary": …}.`

func newRedactCommand() *cobra.Command {
	var settings config.Redact
	var view redactView
	var output string
	cmd := &cobra.Command{
		Use:   "redact FILE...",
		Short: "Show the effect of a redaction policy on an audit log",
		Long:  redactLong,
		Example: `  # lines as they leave this node by default
  auditsidecar redact /var/log/kubernetes/audit/audit.log

  # the effect of one's own rules, in all files, counts only
  auditsidecar redact --redact-rules rules.yaml --limit 0 /var/log/kubernetes/audit/*.log*`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(checkFormat(output), settings.ValidateFiles()); err != nil {
				return &usageError{err}
			}
			if view.limit < 0 {
				return &usageError{fmt.Errorf("--limit %d is negative; 0 shows no lines", view.limit)}
			}
			view.out, view.json = bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10), output == formatJSON
			if err := view.open(settings); err != nil {
				return err
			}
			err := view.files(cmd, args)
			if err == nil || view.sum.Lines > 0 {
				err = errors.Join(err, view.summary())
			}
			err = errors.Join(err, view.out.Flush())
			if errors.Is(err, syscall.EPIPE) {
				return nil // `redact ... | head` has seen enough
			}
			return err
		},
	}
	flags := cmd.Flags()
	registerFormat(flags, &output)
	flags.StringVar(&settings.RulesFile, "redact-rules", "", "YAML `file` with rules that replace more values, or switch built-in ones off")
	flags.StringVar(&settings.KeyFile, "redact-key-file", "", "`file` with the 32 bytes of the hashes' key, mode 0600; empty: a random one")
	flags.IntVar(&view.limit, "limit", 20, "`number` of changed lines to show; all are counted")
	flags.BoolVar(&view.values, "show-values", false, "show the values that are replaced")
	return cmd
}

// A longer line is counted and not looked at; of one that is longer than shownLine, the values that
// change are not listed.
const (
	maxRedactLine = 16 << 20
	shownLine     = 1 << 20
)

// redactView shows the effect of one policy.
type redactView struct {
	limit        int
	values, json bool
	out          *bufio.Writer
	all          *redact.Redactor
	one          []*redact.Redactor // each with one rule
	sum          redactSummary
	decoder      auditline.Decoder
	event        auditline.Event
	dst, scratch []byte // memory of redacted lines
}

// redactSummary is the sum of all files.
type redactSummary struct {
	Lines   int64 `json:"lines"`
	Changed int64 `json:"changed"`
	// NotOneEvent lines changed that are torn, a list, or no event: no single rule changes them.
	NotOneEvent int64        `json:"notOneEvent"`
	TooLong     int64        `json:"tooLong"`
	Rules       []ruleCounts `json:"rules"`
}

type ruleCounts struct {
	Name   string `json:"name"`
	Own    bool   `json:"own"`
	Lines  int64  `json:"lines"`
	Values int64  `json:"values"`
}

// redactChange is a changed line, and what changed in it.
type redactChange struct {
	File    string        `json:"file"`
	Line    int64         `json:"line"`
	Event   string        `json:"event"`
	Changes []valueChange `json:"changes"`
}

type valueChange struct {
	Path   string `json:"path"`
	Bytes  int    `json:"bytes"`
	Before string `json:"before,omitempty"`
	After  string `json:"after"`
}

// open makes the redactors: one with all rules, and one for each rule.
func (v *redactView) open(settings config.Redact) error {
	var rules redact.Config
	var err error
	if settings.RulesFile != "" {
		if rules, err = redact.ReadConfig(settings.RulesFile); err != nil {
			return err
		}
	}
	key := redact.NewKey()
	if settings.KeyFile != "" {
		if key, err = redact.ReadKey(settings.KeyFile); err != nil {
			return err
		}
	}
	add := func(c redact.Config) (*redact.Redactor, error) {
		policy, err := redact.NewPolicy(c)
		if err != nil {
			return nil, err
		}
		return redact.New(policy, key), nil
	}
	if v.all, err = add(rules); err != nil {
		return err
	}
	var names []string
	for _, b := range redact.Builtins() {
		names = append(names, b.Name)
	}
	single := func(name string, own bool, c redact.Config) error {
		r, err := add(c)
		v.one, v.sum.Rules = append(v.one, r), append(v.sum.Rules, ruleCounts{Name: name, Own: own})
		return err
	}
	for i, b := range redact.Builtins() {
		if rules.Uses(b) {
			others := slices.Concat(names[:i], names[i+1:])
			err = errors.Join(err, single(b.Name, false, redact.Config{Disable: others, Enable: []string{b.Name}}))
		}
	}
	for _, own := range rules.Rules {
		err = errors.Join(err, single(own.Name, true, redact.Config{Disable: names, Rules: []redact.Rule{own}}))
	}
	return err
}

// files looks at each file; those that cannot be read do not keep it from the others.
func (v *redactView) files(cmd *cobra.Command, files []string) error {
	var errs []error
	for _, file := range files {
		in := cmd.InOrStdin()
		if file != "-" {
			f, err := os.Open(file)
			if err != nil {
				errs = append(errs, fmt.Errorf("read the audit log: %w", err))
				continue
			}
			defer f.Close()
			in = f
		}
		number, err := v.file(cmd, file, bufio.NewReaderSize(in, 64<<10))
		if err != nil {
			errs = append(errs, fmt.Errorf("read %s, behind line %d: %w", file, number, err))
		}
	}
	return errors.Join(errs...)
}

// file looks at the lines of one file, and returns how many it has read.
func (v *redactView) file(cmd *cobra.Command, file string, in *bufio.Reader) (number int64, err error) {
	if magic, _ := in.Peek(2); string(magic) == "\x1f\x8b" {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return 0, err
		}
		in = bufio.NewReaderSize(unpacked, 64<<10)
	}
	var line []byte
	for length := 0; ; {
		part, err := in.ReadSlice('\n')
		if length += len(part); length <= maxRedactLine {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return number, err
		case length > 0:
			number++
			v.sum.Lines++
			if length > maxRedactLine {
				v.sum.TooLong++
			} else if failed := v.line(file, number, bytes.TrimSuffix(line, []byte("\n"))); failed != nil {
				return number, failed
			}
		}
		if err != nil {
			return number, cmd.Context().Err()
		}
		if cmd.Context().Err() != nil {
			return number, cmd.Context().Err()
		}
		line, length = auditline.Emptied(line, shownLine), 0
	}
}

// line counts a line, and shows it if it changes.
func (v *redactView) line(file string, number int64, line []byte) error {
	v.dst = auditline.Emptied(v.dst, shownLine)
	out, changed := v.all.Line(v.dst, line)
	if !changed {
		return nil
	}
	v.dst = out
	v.sum.Changed++
	v.event.Release()
	what, _ := v.decoder.Line(line, &v.event)
	if what == auditline.Broken || what == auditline.Undecodable {
		v.sum.NotOneEvent++
	} else {
		for i, r := range v.one {
			if changed, isChanged := r.Line(auditline.Emptied(v.scratch, shownLine), line); isChanged {
				v.scratch = changed
				v.sum.Rules[i].Lines++
				v.sum.Rules[i].Values += int64(r.Replaced())
			}
		}
	}
	if v.sum.Changed > int64(v.limit) {
		return nil
	}
	change := redactChange{File: file, Line: number, Event: "not one event", Changes: []valueChange{}}
	if what != auditline.Broken && what != auditline.Undecodable {
		text := func(f auditline.Field) string { return string(v.event.Text(f)) }
		change.Event = strings.Join(strings.Fields(strings.Join([]string{text(auditline.Verb), text(auditline.ObjectResource),
			strings.Trim(text(auditline.ObjectNamespace)+"/"+text(auditline.ObjectName), "/"), text(auditline.AuditID)}, " ")), " ")
	}
	v.compare(&change, line, out)
	return v.show(&change)
}

// compare lists the differences. If that cannot be said by paths, it is the line as a whole.
func (v *redactView) compare(change *redactChange, before, after []byte) {
	var a, b any
	if len(before) <= shownLine && decodeNumbers(before, &a) == nil && decodeNumbers(after, &b) == nil {
		v.difference(change, "", a, b)
	}
	if len(change.Changes) == 0 {
		c := valueChange{Path: "(line)", Bytes: len(before), After: strconv.Itoa(len(after)) + " bytes"}
		if len(before) <= shownLine {
			c.After = string(after)
			if v.values {
				c.Before = string(before)
			}
		}
		change.Changes = append(change.Changes, c)
	}
}

func decodeNumbers(text []byte, v *any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return dec.Decode(v)
}

func (v *redactView) difference(change *redactChange, path string, a, b any) {
	switch a := a.(type) {
	case map[string]any:
		if b, ok := b.(map[string]any); ok {
			for _, name := range sortedKeys(a) {
				v.difference(change, path+step(path, name), a[name], b[name])
			}
			return
		}
	case []any:
		if b, ok := b.([]any); ok && len(a) == len(b) {
			for i := range a {
				v.difference(change, fmt.Sprintf("%s[%d]", path, i), a[i], b[i])
			}
			return
		}
	default:
		if a == b {
			return
		}
	}
	before, isText := a.(string)
	if !isText {
		text, _ := json.Marshal(a) // of decoded JSON: never fails
		before = string(text)
	}
	c := valueChange{Path: path, Bytes: len(before), After: fmt.Sprint(b)}
	if v.values {
		c.Before = before
	}
	change.Changes = append(change.Changes, c)
}

func sortedKeys(m map[string]any) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// step is a member in the path of a rule.
func step(path, name string) string {
	plain := strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
	switch {
	case !plain:
		return "[" + strconv.Quote(name) + "]"
	case path == "":
		return name
	}
	return "." + name
}

// show writes a changed line.
func (v *redactView) show(change *redactChange) error {
	if v.json {
		return json.NewEncoder(v.out).Encode(map[string]any{"change": change})
	}
	fmt.Fprintf(v.out, "%s:%d %s\n", printable(change.File), change.Line, printable(change.Event))
	for _, c := range change.Changes {
		before := fmt.Sprintf("(%d bytes)", c.Bytes)
		if v.values {
			before = strconv.Quote(c.Before)
		}
		fmt.Fprintf(v.out, "  - %s: %s\n  + %s: %s\n", c.Path, before, c.Path, strconv.Quote(c.After))
	}
	_, err := fmt.Fprintln(v.out)
	return err
}

// printable is a text of the log without codes that move a terminal's cursor.
func printable(s string) string {
	if q := strconv.Quote(s); q != `"`+s+`"` {
		return q
	}
	return s
}

// summary writes the counts.
func (v *redactView) summary() error {
	if v.json {
		return json.NewEncoder(v.out).Encode(map[string]any{"summary": v.sum})
	}
	table := tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "rule\tlines\tvalues")
	for _, r := range v.sum.Rules {
		fmt.Fprintf(table, "%s\t%d\t%d\n", printable(r.Name), r.Lines, r.Values)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(v.out, "\n%d of %d lines change; %d of them are not one event\n", v.sum.Changed, v.sum.Lines, v.sum.NotOneEvent)
	if shown := min(v.sum.Changed, int64(v.limit)); shown < v.sum.Changed {
		fmt.Fprintf(v.out, "%d of the changed lines are shown; --limit shows more\n", shown)
	}
	if v.sum.TooLong > 0 {
		fmt.Fprintf(v.out, "not looked at: %s longer than %d MiB\n", english.Plural(int(v.sum.TooLong), "line", ""), maxRedactLine>>20)
	}
	return nil
}
