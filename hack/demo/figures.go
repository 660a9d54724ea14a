package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// figures has the measurements of the demonstration. Sizes are in bytes.
type figures struct {
	files             int
	lines, json       int64
	writing           time.Duration
	rows              int64
	objects           int
	parquet           int64
	entries, distinct int64 // in Loki: pushed, and as a query would show them
	identical         int64 // written lines that are in Loki unchanged
	redacted          int64 // written lines of which values of Secrets and the like are replaced there
	long, shrunk      int64 // written lines over Loki's limit, and entries that stand for one
	lokiLag           time.Duration
	archiveLag        time.Duration
	streamEqual       bool // restore ARCHIVE gives the written lines
	filesEqual        bool // restore ARCHIVE --out DIR gives the files by name
	proven            bool // verify --deep finds nothing wrong
	tamperFound       bool // verify finds a flipped bit, and names the object
}

// String is the table that the user sees.
func (f figures) String() string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-26s "+format+"\n", append([]any{name}, args...)...)
	}
	ratio := 0.0
	if f.parquet > 0 {
		ratio = float64(f.json) / float64(f.parquet)
	}
	fmt.Fprintln(&b, "\nA real kube-apiserver audit log, rotated as kube-apiserver does:")
	row("files", "%s", thousands(int64(f.files)))
	row("lines", "%s in %.1f s", thousands(f.lines), f.writing.Seconds())
	row("JSON bytes", "%s", thousands(f.json))
	fmt.Fprintln(&b, "Archived as Parquet:")
	row("objects", "%s", thousands(int64(f.objects)))
	row("rows", "%s", thousands(f.rows))
	row("Parquet bytes", "%s", thousands(f.parquet))
	row("ratio", "%.1f : 1 (%.0f MB per GB of JSON)", ratio, perGB(f.parquet, f.json))
	row("complete after", "%s", f.archiveLag.Round(time.Millisecond))
	fmt.Fprintln(&b, "Streamed to Loki:")
	row("entries", "%s (%s sent twice)", thousands(f.entries), thousands(f.entries-f.distinct))
	row("identical lines", "%s of %s", thousands(f.identical), thousands(f.lines))
	row("redacted lines", "%s (the archive has them whole)", thousands(f.redacted))
	row("shrunk to Loki's limit", "%s (lines over %s bytes; the archive has them whole)", thousands(f.shrunk), thousands(lokitest.DefaultMaxLine))
	row("lag of the last line", "%s", f.lokiLag.Round(time.Millisecond))
	fmt.Fprintln(&b, "Restored from the archive:")
	row("restored byte for byte", "%s", yes(f.streamEqual))
	row("original files by name", "%s", yes(f.filesEqual))
	fmt.Fprintln(&b, "Proven by the signed tree of records:")
	row("verify --deep", "%s", map[bool]string{true: "nothing is missing, nothing was changed", false: "FINDINGS"}[f.proven])
	row("one flipped bit is found", "%s", yes(f.tamperFound))
	return b.String()
}

// verdict is an error that lists everything that differs, or nil.
func (f figures) verdict() error {
	var wrong []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	check(f.lines > 0 && f.files > 1, "only %d lines in %d files were written", f.lines, f.files)
	check(f.rows == f.lines, "%d lines archived, %d written", f.rows, f.lines)
	check(f.distinct == f.lines, "%d distinct Loki entries, %d lines written", f.distinct, f.lines)
	check(f.identical == f.lines-f.long-f.redacted, "%d of %d lines are in Loki unchanged, %d are redacted, %d are too long for it", f.identical, f.lines, f.redacted, f.long)
	check(f.redacted > 0, "no line was redacted")
	check(f.shrunk == f.long, "%d lines are too long for Loki, %d entries are shrunk", f.long, f.shrunk)
	check(f.streamEqual, "the restored lines differ from the written ones")
	check(f.filesEqual, "the restored files differ from the written ones")
	check(f.proven, "verify found something wrong with the archive")
	check(f.tamperFound, "verify did not find a flipped bit")
	return errors.Join(wrong...)
}

// agree is an error that lists the rows of a page which differ from the measured
// ones, or nil. Times, and the sizes and counts that depend on them, may differ by a fifth.
func (f figures) agree(page string) error {
	var wrong []error
	found := 0
	measured := tableRow.FindAllStringSubmatch(f.String(), -1)
	for _, m := range tableRow.FindAllStringSubmatch(page, -1) {
		for _, own := range measured {
			if own[1] != m[1] {
				continue
			}
			found++
			if !alike(own[2], m[2]) {
				wrong = append(wrong, fmt.Errorf("%s is %q, measured was %q", m[1], m[2], own[2]))
			}
		}
	}
	if found == 0 {
		wrong = append(wrong, errors.New("it has no row of the table"))
	}
	return errors.Join(wrong...)
}

// update returns the page with the measured rows in place of those that are not alike.
func (f figures) update(page string) string {
	measured := make(map[string]string)
	for _, m := range tableRow.FindAllStringSubmatch(f.String(), -1) {
		measured[m[1]] = m[2]
	}
	return tableRow.ReplaceAllStringFunc(page, func(row string) string {
		m := tableRow.FindStringSubmatch(row)
		own, ok := measured[m[1]]
		if !ok || alike(own, m[2]) {
			return row
		}
		return strings.TrimSuffix(row, m[2]) + own
	})
}

var (
	tableRow = regexp.MustCompile(`(?m)^  (\S.*?\S) {2,}(\S.*)$`)
	number   = regexp.MustCompile(`[0-9][0-9,.]*`)
	duration = regexp.MustCompile(` in [0-9.]+ s|^[0-9.µm]+s$`)
)

// alike reports whether two values of a row have the same words and about the
// same numbers.
func alike(a, b string) bool {
	a, b = duration.ReplaceAllString(a, ""), duration.ReplaceAllString(b, "")
	if number.ReplaceAllString(a, "") != number.ReplaceAllString(b, "") {
		return false
	}
	ours, theirs := number.FindAllString(a, -1), number.FindAllString(b, -1)
	for i := range ours {
		x, errX := strconv.ParseFloat(strings.ReplaceAll(ours[i], ",", ""), 64)
		y, errY := strconv.ParseFloat(strings.ReplaceAll(theirs[i], ",", ""), 64)
		if errX != nil || errY != nil || max(x, y) > 1.2*min(x, y) {
			return false
		}
	}
	return true
}

// perGB is the number of megabytes that a gigabyte of JSON becomes.
func perGB(parquet, json int64) float64 {
	if json == 0 {
		return 0
	}
	return float64(parquet) / float64(json) * 1000
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}

// thousands writes n with a comma between groups of three digits.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
