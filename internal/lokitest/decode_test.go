package lokitest

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestDecode reads a PushRequest written out by hand from the protobuf specification.
func TestDecode(t *testing.T) {
	want := []Stream{{Labels: `{job="a"}`, Entries: []Entry{
		{Timestamp: time.Unix(100000000, 7).UTC(), Line: "hi", Metadata: []Pair{{"verb", "g"}}},
		{Timestamp: time.Unix(0, 0).UTC(), Line: "ho"},
	}}}
	entry1 := "\x0a\x07\x08\x80\xc2\xd7\x2f\x10\x07" + "\x12\x02hi" + "\x1a\x09\x0a\x04verb\x12\x01g"
	entry2 := "\x12\x02ho"
	stream := field('\x0a', `{job="a"}`) + field('\x12', entry1) + field('\x12', entry2)
	got, err := Decode([]byte(field('\x0a', stream)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// field is a length-delimited field of less than 128 bytes.
func field(tag byte, content string) string {
	return string([]byte{tag, byte(len(content))}) + content
}

func TestDecodeRefuses(t *testing.T) {
	for name, request := range map[string]string{
		"truncated tag":      "\x8a",
		"no length":          "\x0a",
		"truncated value":    "\x0a\x05ab",
		"unknown field":      "\x12\x00",
		"wrong wire type":    "\x08\x01",
		"fixed64":            "\x09\x00\x00\x00\x00\x00\x00\x00\x00",
		"unknown in stream":  field('\x0a', "\x22\x00"),
		"unknown in entry":   field('\x0a', field('\x12', "\x22\x00")),
		"nanos out of range": field('\x0a', field('\x12', field('\x0a', "\x10\x80\x94\xeb\xdc\x03"))),
		"unknown in pair":    field('\x0a', field('\x12', field('\x1a', "\x1a\x00"))),
	} {
		if _, err := Decode([]byte(request)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(field('\x0a', field('\x0a', `{a="b"}`)+field('\x12', "\x12\x02ho"))))
	f.Fuzz(func(t *testing.T, request []byte) {
		streams, err := Decode(request)
		size := 0
		for _, s := range streams {
			for _, e := range s.Entries {
				size += len(e.Line)
			}
		}
		if err == nil && size > len(request) {
			t.Errorf("%d bytes of lines out of %d bytes", size, len(request))
		}
	})
}

func TestParseLabels(t *testing.T) {
	for text, want := range map[string]map[string]string{
		`{job="audit"}`:             {"job": "audit"},
		`{a="1", b="x\"y, z=\"}" }`: {"a": "1", "b": `x"y, z="}`},
		`{}`:                        {},
		`{a="1",b="2"}`:             {"a": "1", "b": "2"},
		`job="audit"`:               nil,
		`{job=audit}`:               nil,
		`{job="audit"`:              nil,
		`{1job="audit"}`:            nil,
		`{a="1" b="2"}`:             nil,
		`{a="1", a="2"}`:            nil,
	} {
		got, err := ParseLabels(text)
		if (err != nil) != (want == nil) || want != nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "parse labels:") {
			t.Errorf("%s: error %q", text, err)
		}
	}
}
