package parquet

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
)

// FuzzRoundTrip converts any bytes, checks the objects and restores them, with
// limits so small that every spill and fallback happens.
func FuzzRoundTrip(f *testing.F) {
	event := strings.TrimSpace(canonicalLine)
	f.Add([]byte(canonicalLine))
	f.Add([]byte(event[:300] + event + "\r\n\x00\x00" + event + "\n\n{\"kind\":\"Pod\"}\nx"))
	f.Add([]byte(simpleEvent("a") + simpleEvent("b") + "\n" + simpleEvent("\xff") + "\n"))
	f.Add([]byte(strings.Replace(event, `"2026-11-22T16:59:23.525775Z","annotations"`, `null,"annotations"`, 1)))
	f.Fuzz(func(t *testing.T, source []byte) { roundTrip(t, source, tinyLimits()) })
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

// FuzzQuoted compares our strings with encoding/json's.
func FuzzQuoted(f *testing.F) {
	f.Add("a<b>&\"\\\u2028\x01\x7f\u00e9")
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "\ufffd")
		want := jsonString(t, s)
		got := string(appendQuoted(nil, []byte(s)))
		if got != want {
			t.Fatalf("%q is quoted as %s, want %s", s, got, want)
		}
		for cut := range len(want) + 1 {
			// The comparison with a line takes it whole, and no other.
			b := rebuilder{want: []byte(want[:cut] + "x"), comparing: true}
			b.quoted([]byte(s))
			if took := !b.differs && string(b.want) == "x"; took != (cut == len(want)) {
				t.Fatalf("compared with %q, %q counts as the same: %v", want[:cut], s, took)
			}
		}
		if back := string(appendUnquoted(nil, []byte(got[1:len(got)-1]))); back != s {
			t.Fatalf("%s is unquoted as %q, want %q", got, back, s)
		}
	})
}

// FuzzRestore restores damaged objects: an error or the right bytes, no panic.
func FuzzRestore(f *testing.F) {
	source := []byte(canonicalLine + "x\n")
	res := convertBytes(f, source, defaultLimits())
	object, err := os.ReadFile(res.Objects[0].Path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(10, byte(1), 100, byte(2))
	f.Add(len(object)-9, byte(0x40), 4, byte(1))
	f.Fuzz(func(t *testing.T, at int, x byte, at2 int, x2 byte) {
		damaged := bytes.Clone(object)
		damaged[uint(at)%uint(len(damaged))] ^= x
		damaged[uint(at2)%uint(len(damaged))] ^= x2
		var out bytes.Buffer
		err := Restore(t.Context(), []Input{{Name: "x", ReaderAt: bytes.NewReader(damaged), Size: int64(len(damaged))}}, &out)
		if err == nil && !bytes.Equal(out.Bytes(), source) {
			t.Fatalf("restored %q without an error", out.Bytes())
		}
		if errors.Is(err, errBug) {
			t.Fatal(err)
		}
	})
}
