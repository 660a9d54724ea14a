package admin

import (
	"math"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{span(-3), "0 s"}, {span(0.4), "0 s"}, {span(1.6), "2 s"}, {span(14.9), "14 s"}, {span(119), "119 s"}, {span(120), "2 min"},
		{span(3599), "59 min"}, {span(3600), "1 h"}, {span(12000), "3 h 20 min"}, {span(86400), "1 d"}, {span(90001), "1 d 1 h"},
		{size(0), "0 B"}, {size(999), "999 B"}, {size(1000), "1.0 kB"}, {size(9949), "9.9 kB"}, {size(9951), "10 kB"},
		{size(999499), "999 kB"}, {size(1e6), "1.0 MB"}, {size(3.14e9), "3.1 GB"}, {size(-1), "?"}, {size(math.NaN()), "?"},
		{number(0), "0"}, {number(999), "999"}, {number(1000), "1,000"}, {number(-1234567), "-1,234,567"},
		{count(1, "file"), "1 file"}, {count(0, "file"), "0 files"}, {count(2000, "file"), "2,000 files"},
		{brief(`push: Post "http://x:1/y": dial tcp: refused`), "dial tcp: refused"}, {brief("no such bucket"), "no such bucket"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
	if got := clip(strings.Repeat("ä", 500)); len([]rune(got)) != maxError+1 || !strings.HasSuffix(got, "ä…") {
		t.Errorf("clip: %q", got)
	}
}
