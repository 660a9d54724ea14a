package timerange

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2026-11-01":                time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		"2026-11-01T10:00:00Z":      time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC),
		"2026-11-01T10:00:00+02:00": time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC),
		"2026-11-01T10:00:00.5Z":    time.Date(2026, 11, 1, 10, 0, 0, 5e8, time.UTC),
		"24h":                       now.Add(-24 * time.Hour),
		"90m":                       now.Add(-90 * time.Minute),
		"1h30m":                     now.Add(-90 * time.Minute),
		"7d":                        now.AddDate(0, 0, -7),
		"2w":                        now.AddDate(0, 0, -14),
		"1w2d3h":                    now.AddDate(0, 0, -9).Add(-3 * time.Hour),
	} {
		if got, err := Parse(text, now); err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: %v, want %v (%v)", text, got, want, err)
		}
	}
	for _, text := range []string{"", "yesterday", "-1h", "1", "2026-13-01", "1d2w", "1.2.3h", "99999999999h", "24 h", "2026-11-01 10:00"} {
		if got, err := Parse(text, now); err == nil || !strings.Contains(err.Error(), "24h") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestRange(t *testing.T) {
	for name, test := range map[string]struct {
		args  []string
		wrong string
		has   []string // times in the range
		not   []string
	}{
		"no bound":     {has: []string{"2000-01-01", "2030-01-01"}},
		"from":         {args: []string{"--from", "2026-11-01"}, has: []string{"2026-11-01"}, not: []string{"2026-10-31T23:59:59Z"}},
		"since":        {args: []string{"--since", "2026-11-01"}, has: []string{"2026-11-01"}, not: []string{"2026-10-31"}},
		"to":           {args: []string{"--to", "2026-11-02"}, has: []string{"2026-11-01T23:59:59Z"}, not: []string{"2026-11-02"}},
		"both of them": {args: []string{"--since", "1d", "--from", "1d"}, wrong: "give one of them"},
		"reversed":     {args: []string{"--from", "2026-11-02", "--to", "2026-11-01"}, wrong: "--from 2026-11-02T00:00:00Z is not before --to 2026-11-01T00:00:00Z"},
		"empty":        {args: []string{"--from", "2026-11-02", "--to", "2026-11-02"}, wrong: "is not before"},
	} {
		t.Run(name, func(t *testing.T) {
			var r Range
			flags := pflag.NewFlagSet("", pflag.ContinueOnError)
			r.Register(flags)
			if err := flags.Parse(test.args); err != nil {
				t.Fatal(err)
			}
			if err := r.Validate(); (err != nil) != (test.wrong != "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
				t.Fatalf("%v, want %q", err, test.wrong)
			}
			for _, text := range test.has {
				if at, _ := Parse(text, now); !r.Contains(at) || !r.Overlaps(at, at) {
					t.Errorf("%s is not in the range", text)
				}
			}
			for _, text := range test.not {
				if at, _ := Parse(text, now); r.Contains(at) || r.Overlaps(at, at) {
					t.Errorf("%s is in the range", text)
				}
			}
		})
	}
}

// Any text is a time in UTC or an error.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"24h", "1w2d3h", "2026-11-01", "2026-11-01T10:00:00+02:00", "9999w99999d9999999h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := Parse(text, now); err == nil && got.Location() != time.UTC {
			t.Errorf("%q: %v", text, got)
		}
	})
}
