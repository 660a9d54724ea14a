package auditline

import (
	"encoding/json"
	"testing"
	"time"
)

// jsonString quotes s with encoding/json.
func jsonString(tb testing.TB, s string) string {
	tb.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func TestMicroTimeAgreesWithPackageTime(t *testing.T) {
	var dates calendar
	const form = "2006-01-02T15:04:05.000000Z"
	for at := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 10000; at = at.Add(7777*time.Hour + 1234567*time.Microsecond) {
		text := at.Format(form)
		us, ok := dates.parse([]byte(text))
		if !ok || us != at.UnixMicro() {
			t.Fatalf("parse %s: %d, %v; want %d", text, us, ok, at.UnixMicro())
		}
		if got := string(dates.append(nil, us)); got != text {
			t.Fatalf("format %d: %s, want %s", us, got, text)
		}
	}
}

func TestMicroTimeRefusesOtherForms(t *testing.T) {
	var dates calendar
	dates.parse([]byte("2026-11-22T16:59:23.525775Z"))
	for _, s := range []string{
		"", "2026-11-22T16:59:23Z", "2026-11-22T16:59:23.525775z", "2026-11-22 16:59:23.525775Z", "2026-11-22T16:59:60.000000Z",
		"2026-13-22T16:59:23.525775Z", "2026-00-22T16:59:23.525775Z", "2026-11-31T16:59:23.525775Z", "2025-02-29T16:59:23.525775Z",
		"2026-11-22T24:00:00.000000Z", "+026-11-22T16:59:23.525775Z", "2026-11-00T16:59:23.525775Z", "2026-11-22T16:60:23.525775Z",
		"2026-11-22T16:59:23.52577/Z", "2026-11-22T16:59:23.5:5775Z", "2026-11-22T1/:59:23.525775Z", "2026-11-22T16:59:23,525775Z",
		string(make([]byte, dateLen)) + "T16:59:23.525775Z",
	} {
		if us, ok := dates.parse([]byte(s)); ok {
			t.Errorf("parse %q: %d, want a refusal", s, us)
		}
	}
}

func TestCalendarKnowsNoDateAtFirst(t *testing.T) {
	var dates calendar
	if us, ok := dates.parse([]byte(string(make([]byte, dateLen)) + "T16:59:23.525775Z")); ok {
		t.Errorf("a date of NUL bytes is %d, want a refusal", us)
	}
}

// FuzzMicroTime compares our timestamps with package time.
func FuzzMicroTime(f *testing.F) {
	f.Add("2026-11-22T16:59:23.525775Z")
	f.Add("2024-02-29T00:00:00.000000Z")
	f.Add("0000-01-01T00:00:00.000000Z")
	f.Fuzz(func(t *testing.T, s string) {
		var dates calendar
		dates.parse([]byte("2024-02-29T00:00:00.000000Z"))
		us, ok := dates.parse([]byte(s))
		if !ok {
			return
		}
		if got := string(dates.append(nil, us)); got != s {
			t.Fatalf("%q comes back as %q", s, got)
		}
		if want, valid := parseAnyTime([]byte(s)); !valid || want != us {
			t.Fatalf("parse(%q) is %d, package time says %d (%v)", s, us, want, valid)
		}
	})
}
