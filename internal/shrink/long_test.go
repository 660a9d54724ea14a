package shrink

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// long is a LongLine of text.
func long(text []byte) LongLine {
	return LongLine{
		Open:  func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil },
		Size:  int64(len(text)),
		Start: text[:min(len(text), maxPrefix)],
	}
}

func TestShrinkLongIsShrink(t *testing.T) {
	large := `{"s":"` + strings.Repeat("s", 200<<10) + `"}`
	for name, line := range map[string]string{
		"one body":      `{"verb":"get","responseObject":` + large + `,"x":[1,{"requestObject":7}]}`,
		"both":          `{"requestObject":` + large + `, "responseObject" : [` + large + ` ] ,"stage":"x"}`,
		"small request": `{"requestObject":{"a":-1.5e+7},"responseObject":` + large + `}`,
		"escaped key":   `{"request\u004fbject":` + large + `}`,
		"duplicates":    `{"requestObject":` + large + `,"requestObject":` + large + `,"requestObject":0}`,
		"nested":        `{"a":{"requestObject":` + large + `}}`,
		"torn":          `{"requestObject":` + large,
		"two":           `{"requestObject":` + large + `}{"a":1}`,
		"no object":     `[` + large + `]`,
		"hole":          strings.Repeat("\x00", 200<<10),
	} {
		t.Run(name, func(t *testing.T) {
			got, edited, err := Long(long([]byte(line)), 4096, []byte("old"))
			if want := Line([]byte(line), 4096, nil); err != nil || edited || !bytes.Equal(got, want) {
				t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
			}
		})
	}
}

func TestShrinkLongWithEdit(t *testing.T) {
	body := `{"data":{"password":"secret"},"x":"` + strings.Repeat("s", 200<<10) + `"}`
	edit := func(dst, line []byte) ([]byte, bool) {
		out := strings.ReplaceAll(string(line), "secret", "hidden, and much longer than it was")
		return append(dst[:0], out...), out != string(line)
	}
	stub := `{"auditsidecar":{"shrunk":"line","bytes":`
	for _, c := range []struct{ name, line, want string }{
		{"a body", `{"user":"secret","requestObject":null,"responseObject":` + body + `,"b":1}`,
			`{"user":"hidden, and much longer than it was","requestObject":null,"responseObject":{"auditsidecar":{"shrunk":"responseObject","bytes":204837}},"b":1}`},
		{"a stub", `{"user":"secret","annotations":` + body + `}`, stub + `204869,"prefix":"{\"user\":\"hidden, and much`},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := long([]byte(c.line))
			line.Edit = edit
			got, edited, err := Long(line, 4096, nil)
			if err != nil || !edited || !strings.HasPrefix(string(got), c.want) || !json.Valid(got) {
				t.Errorf("%v %v\ngot  %.300s\nwant %s", err, edited, got, c.want)
			}
			if strings.Contains(string(got), "secret") || strings.Contains(string(got), "sha256") {
				t.Errorf("too much is left: %.300s", got)
			}
		})
	}
	t.Run("an editor that makes the line too long", func(t *testing.T) {
		line := long([]byte(`{"a":"b","responseObject":` + body + `}`))
		line.Edit = func(dst, line []byte) ([]byte, bool) {
			return append(dst, bytes.Replace(line, []byte(`"b"`), []byte(`"`+strings.Repeat("c", 5000)+`"`), 1)...), true
		}
		got, _, err := Long(line, 4096, nil)
		if err != nil || len(got) > 4096 || !json.Valid(got) {
			t.Errorf("%v: %d bytes %.300s", err, len(got), got)
		}
	})
	t.Run("an editor that breaks the line", func(t *testing.T) {
		line := long([]byte(`{"a":"b","responseObject":` + body + `}`))
		line.Edit = func(dst, _ []byte) ([]byte, bool) { return append(dst, `{"a":`...), true }
		if got, _, err := Long(line, 4096, nil); err != nil || !json.Valid(got) || !strings.HasPrefix(string(got), stub) {
			t.Errorf("%v: %.300s", err, got)
		}
	})
}

func TestShrinkLongErrors(t *testing.T) {
	broken := errors.New("broken")
	line := long([]byte(`{"a":1}`))
	line.Size++
	if _, _, err := Long(line, 4096, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a line that has become shorter: %v", err)
	}
	line.Open = func() (io.ReadCloser, error) { return nil, broken }
	if _, _, err := Long(line, 4096, nil); !errors.Is(err, broken) {
		t.Errorf("a line that cannot be opened: %v", err)
	}
}

func TestShrinkLongHoldsNoLine(t *testing.T) {
	text := []byte(`{"responseObject":["` + strings.Repeat("some text ", 2<<20) + `"]}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, err := Long(long(text), 4096, nil); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d KiB allocated for a line of %d", n>>10, len(text)>>10)
	}
}

// pieces writes a line in pieces of n bytes.
func pieces(w io.Writer, line []byte, n int) {
	for p := range slices.Chunk(line, n) {
		_, _ = w.Write(p)
	}
}

// FuzzShrinkLong compares with [Line] and encoding/json, wherever the pieces of the line end.
func FuzzShrinkLong(f *testing.F) {
	f.Add([]byte(`{"requestObject":{"a":"b"},"responseObject":[1,-2.5E+3,true,null,{}],"x":"\u00e9\\"}`), uint8(1), uint16(10))
	f.Add([]byte(` [[],{"a":{"b":[0,"c"]}},false ] `), uint8(3), uint16(0))
	f.Add([]byte(`{"request\u004fbject":"`+strings.Repeat("x", 600)+`"}`), uint8(7), uint16(0))
	f.Add([]byte(`{"requestObject": {"a":[1, 2 ]} , "b":"}"}`), uint8(0), uint16(0))
	f.Fuzz(func(t *testing.T, text []byte, piece uint8, extra uint16) {
		wrapped := []byte(`{"verb":"get","requestObject":` + string(text) + `,"responseObject":"` + strings.Repeat("x", int(extra)) + `"}`)
		for _, line := range [][]byte{text, wrapped} {
			var scan, whole scanner
			pieces(&scan, line, int(piece)+1)
			_, _ = whole.Write(line)
			if !slices.Equal(scan.bodies, whole.bodies) || scan.broken != whole.broken || scan.depth != whole.depth {
				t.Fatalf("in pieces %v, whole %v", scan, whole)
			}
			compareBodies(t, line, &whole)
			if got, _, err := Long(long(line), MinLimit, nil); len(line) > MinLimit && (err != nil || !bytes.Equal(got, Line(line, MinLimit, nil))) {
				t.Fatalf("%v\ngot  %s\nwant %s", err, got, Line(line, MinLimit, nil))
			}
		}
	})
}

// compareBodies compares the bodies that were found in a line with those of encoding/json.
func compareBodies(t *testing.T, line []byte, scan *scanner) {
	t.Helper()
	var event map[string]json.RawMessage
	object := json.Unmarshal(line, &event) == nil && event != nil
	if found := !scan.broken && scan.depth == 0; object && !found {
		t.Fatalf("no object found in %q", line)
	} else if !object || len(scan.bodies) == maxBodies {
		return
	}
	last := map[string]string{}
	for _, b := range scan.bodies {
		last[b.name] = string(line[b.start:b.end])
	}
	for _, name := range []string{"requestObject", "responseObject"} {
		if want := string(event[name]); last[name] != want {
			t.Fatalf("%s is %q, want %q, of %q", name, last[name], want, line)
		}
	}
}

func BenchmarkShrinkLong(b *testing.B) {
	line := []byte(`{"verb":"get","responseObject":{"items":["` + strings.Repeat("some text ", 1<<20/10) + `"]}}`)
	var dst []byte
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		dst, _, _ = Long(long(line), 256<<10, dst)
	}
}
