package shrink

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

func marker(name, replaced string) string {
	return fmt.Sprintf(`{"auditsidecar":{"shrunk":%q,"bytes":%d,"sha256":%q}}`, name, len(replaced), sum(replaced))
}

func TestShrinkKeepsWhatFits(t *testing.T) {
	line := []byte(`{"requestObject":{"a":"` + strings.Repeat("x", 1000) + `"}}`)
	dst := []byte("untouched")
	if got := Line(line, len(line), dst); &got[0] != &line[0] || len(got) != len(line) || string(dst) != "untouched" {
		t.Error("a line that fits must be returned as it is")
	}
	if got := Line(line, len(line)-1, dst); bytes.Equal(got, line) {
		t.Error("a line one byte too long must be shrunk")
	}
}

func TestShrinkReplacesBodies(t *testing.T) {
	small, large := `{"s":"`+strings.Repeat("s", 900)+`"}`, `[`+strings.Repeat("1, ", 400)+`1]`
	event := func(request, response string) string {
		return `{"verb":"get", "requestObject" : ` + request + ` ,"responseObject":` + response + `,"stage":"x"}`
	}
	for _, c := range []struct {
		name, line, want string
		limit            int
	}{
		{"larger one is enough", event(small, large), event(small, marker("responseObject", large)), 1200},
		{"larger one is the request", event(large, small), event(marker("requestObject", large), small), 1200},
		{"both", event(small, large), event(marker("requestObject", small), marker("responseObject", large)), 600},
		{"first of equals", event(small, small), event(marker("requestObject", small), small), 1200},
		{"tiny one is not worth it", event(`{}`, large), event(`{}`, marker("responseObject", large)), 600},
		{"nested names do not count", `{"annotations":{"requestObject":` + small + `},"requestObject":` + large + `}`,
			`{"annotations":{"requestObject":` + small + `},"requestObject":` + marker("requestObject", large) + `}`, 1200},
		{"duplicate keys", `{"requestObject":` + small + `,"requestObject":` + large + `}`,
			`{"requestObject":` + marker("requestObject", small) + `,"requestObject":` + marker("requestObject", large) + `}`, 600},
		{"first of equal duplicates", `{"requestObject":` + small + `,"requestObject":` + small + `}`,
			`{"requestObject":` + marker("requestObject", small) + `,"requestObject":` + small + `}`, 1200},
		{"escaped key", `{"request\u004fbject":` + large + `}`, `{"request\u004fbject":` + marker("requestObject", large) + `}`, 600},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Line([]byte(c.line), c.limit, nil)
			if string(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if len(got) > c.limit || !json.Valid(got) {
				t.Errorf("%d bytes, limit %d, valid %v", len(got), c.limit, json.Valid(got))
			}
		})
	}
}

func TestShrinkMakesStubs(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, c := range []struct{ name, line, prefix string }{
		{"torn", `{"requestObject":{"a":"` + long, `{"requestObject":{"a":"` + long[:1024-23]},
		{"other fields too long", `{"userAgent":"` + long + `"}`, `{"userAgent":"` + long[:1024-14]},
		{"NUL hole", strings.Repeat("\x00", 9000), strings.Repeat("\x00", 341)},
		{"quotes", strings.Repeat(`"`, 9000), strings.Repeat(`"`, 1024)},
		{"invalid UTF-8", strings.Repeat("\xff", 9000), strings.Repeat("\ufffd", 341)},
		{"rune cut in two", strings.Repeat("a", 1023) + strings.Repeat("ü", 3000), strings.Repeat("a", 1023)},
		{"valid JSON, no object", `["` + long + `"]`, `["` + long[:1022]},
		{"two events in a line", `{"requestObject":"` + long + `"}{"verb":"x"}`, `{"requestObject":"` + long[:1024-18]},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Line([]byte(c.line), 4096, []byte("old contents"))
			prefix, _ := json.Marshal(c.prefix)
			head := fmt.Sprintf(`{"auditsidecar":{"shrunk":"line","bytes":%d,"sha256":%q,"prefix":`, len(c.line), sum(c.line))
			var want, have any
			if err := json.Unmarshal([]byte(head+string(prefix)+"}}"), &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(got, &have); err != nil {
				t.Fatalf("%v in %q", err, got)
			}
			if fmt.Sprint(have) != fmt.Sprint(want) || !strings.HasPrefix(string(got), head) || len(got) > 4096 {
				t.Errorf("got  %.300q\nwant %.300q", got, head+string(prefix))
			}
		})
	}
}

func TestShrinkReusesMemory(t *testing.T) {
	line := []byte(strings.Repeat("x", 10_000))
	dst := make([]byte, 0, 4096)
	got := Line(line, 4096, dst)
	if &got[0] != &dst[:1][0] {
		t.Error("result is not in dst")
	}
}

func TestStub(t *testing.T) {
	for _, c := range []struct{ start, want string }{
		{`{"kind":"Event`, `{"auditsidecar":{"shrunk":"line","bytes":9000000000,"prefix":"{\"kind\":\"Event"}}`},
		{"", `{"auditsidecar":{"shrunk":"line","bytes":9000000000,"prefix":""}}`},
		{strings.Repeat("y", 2000), `{"auditsidecar":{"shrunk":"line","bytes":9000000000,"prefix":"` + strings.Repeat("y", 1024) + `"}}`},
	} {
		if got := Stub([]byte(c.start), 9_000_000_000, []byte("old")); string(got) != c.want || !json.Valid(got) {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func FuzzShrink(f *testing.F) {
	f.Add([]byte(`{"requestObject":{"a":"b"},"responseObject":[1,2],"x":1}`), uint16(512), uint16(900))
	f.Add([]byte("\x00\xff{\"a\":"), uint16(600), uint16(5))
	f.Add([]byte(`{"responseObject":"\u00e9`), uint16(0), uint16(300))
	f.Fuzz(func(t *testing.T, line []byte, limit, times uint16) {
		maxLine := MinLimit + int(limit)
		// also as a value that is long enough to be replaced
		wrapped := []byte(`{"verb":"get","requestObject":` + strings.TrimRight(strings.Repeat(string(line)+",", int(times)%50), ",") + `}`)
		for _, in := range [][]byte{line, bytes.Repeat(line, int(times)%200), wrapped} {
			before := bytes.Clone(in)
			got := Line(in, maxLine, nil)
			if len(got) > maxLine {
				t.Fatalf("%d bytes, limit %d", len(got), maxLine)
			}
			if len(in) <= maxLine && !bytes.Equal(got, in) {
				t.Fatalf("changed a line that fits: %q", got)
			}
			if len(in) > maxLine && !(json.Valid(got) && (utf8.Valid(got) || !utf8.Valid(in))) {
				t.Fatalf("not valid JSON: %q", got)
			}
			if !bytes.Equal(Line(in, maxLine, make([]byte, 10_000)), got) || !bytes.Equal(in, before) {
				t.Fatal("not deterministic, or changes its input")
			}
		}
	})
}

func BenchmarkShrink(b *testing.B) {
	line := []byte(`{"verb":"get","responseObject":{"items":["` + strings.Repeat("some text ", 1<<20/10) + `"]}}`)
	var dst []byte
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		dst = Line(line, 256<<10, dst)
	}
}
