package lokipush

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/s2"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

var testLabels = map[string]string{"job": "audit", "cluster": "c", "node": "n"}

const testStream = `{cluster="c", job="audit", node="n"}`

// bounds are smaller or larger ones of a batch.
type bounds struct{ bytes, entries int }

func newTestBatch(tb testing.TB, b bounds) *Batch {
	tb.Helper()
	return newBatchOf(tb, testLabels, b)
}

func newBatchOf(tb testing.TB, labels map[string]string, b bounds) *Batch {
	tb.Helper()
	stream, err := NewLabels(labels)
	if err != nil {
		tb.Fatal(err)
	}
	batch := NewBatch(stream)
	batch.maxBytes, batch.maxEntries = cmp.Or(b.bytes, batch.maxBytes), cmp.Or(b.entries, batch.maxEntries)
	return batch
}

// decoded returns the entries of a batch as the receiver's own decoder reads them.
func decoded(tb testing.TB, b *Batch) []lokitest.Entry {
	tb.Helper()
	streams, err := lokitest.Decode(b.request())
	if err != nil {
		tb.Fatal(err)
	}
	if len(streams) != 1 || streams[0].Labels != testStream {
		tb.Fatalf("got %d streams, first %q", len(streams), streams[0].Labels)
	}
	if n := len(b.request()); n != b.Bytes() {
		tb.Errorf("Bytes says %d, request has %d", b.Bytes(), n)
	}
	return streams[0].Entries
}

func TestBatchGolden(t *testing.T) {
	b := newBatchOf(t, map[string]string{"job": "audit"}, bounds{})
	fields := Fields{Verb: []byte("get"), Code: []byte("200")}
	b.Add(time.Unix(1_700_000_000, 5000), []byte("line"), &fields)
	b.Add(time.Unix(0, 0), nil, nil)
	// PushRequest{streams:{labels, entries:{timestamp:{1700000000,5000}, "line", {verb,get}, {code,200}}, entries:{timestamp:{}, ""}}}
	want := "0a42" +
		"0a0d" + hex.EncodeToString([]byte(`{job="audit"}`)) +
		"122b" + "0a09" + "0880e2cfaa06" + "108827" + "1204" + hex.EncodeToString([]byte("line")) +
		"1a0b" + "0a04" + hex.EncodeToString([]byte("verb")) + "1203" + hex.EncodeToString([]byte("get")) +
		"1a0b" + "0a04" + hex.EncodeToString([]byte("code")) + "1203" + hex.EncodeToString([]byte("200")) +
		"1204" + "0a00" + "1200"
	if got := hex.EncodeToString(b.request()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestBatchRoundTripOfRealLines(t *testing.T) {
	b := newTestBatch(t, bounds{bytes: 3 << 20})
	var want []lokitest.Entry
	var r reader
	for line := range bytes.Lines(audittest.Corpus(t, "diverse.log")) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		fields, _ := r.read(line)
		if !b.Add(fields.StageTimestamp, line, fields) {
			break
		}
		want = append(want, lokitest.Entry{Timestamp: fields.StageTimestamp, Line: string(line), Metadata: metadata(fields)})
	}
	got := decoded(t, b)
	if len(got) < 300 || !reflect.DeepEqual(got, want) {
		t.Errorf("%d entries differ from the %d added", len(got), len(want))
	}
}

func TestMetadataNames(t *testing.T) {
	v := []byte("v")
	all := Fields{User: v, Verb: v, Group: v, Resource: v, Subresource: v, Namespace: v, Name: v, Code: v, Stage: v, Level: v, AuditID: v}
	b := newTestBatch(t, bounds{})
	b.Add(time.Unix(1, 1), nil, &all)
	var got []string
	for _, pair := range decoded(t, b)[0].Metadata {
		got = append(got, pair.Name)
	}
	if want := MetadataNames(); !reflect.DeepEqual(got, want) || len(got) != maxPairs {
		t.Errorf("got %q, want %q", got, want)
	}
}

func metadata(f *Fields) []lokitest.Pair {
	var pairs []lokitest.Pair
	for _, p := range []struct {
		name  string
		value []byte
	}{{"user", f.User}, {"verb", f.Verb}, {"api_group", f.Group}, {"resource", f.Resource}, {"subresource", f.Subresource}, {"namespace", f.Namespace},
		{"name", f.Name}, {"code", f.Code}, {"stage", f.Stage}, {"level", f.Level}, {"audit_id", f.AuditID}} {
		if len(p.value) > 0 {
			pairs = append(pairs, lokitest.Pair{Name: p.name, Value: string(p.value)})
		}
	}
	return pairs
}

func TestBatchIsBounded(t *testing.T) {
	b := newTestBatch(t, bounds{bytes: 1000})
	line := []byte(strings.Repeat("x", 100))
	n := 0
	for b.Add(time.Unix(1, 1), line, nil) {
		n++
	}
	before := bytes.Clone(b.request())
	if n < 7 || n != b.Len() || len(before) > 1000 {
		t.Errorf("%d entries, %d bytes", n, len(before))
	}
	if b.Add(time.Unix(1, 1), line, nil) || !bytes.Equal(b.request(), before) {
		t.Error("a full batch changed")
	}
	few := newTestBatch(t, bounds{entries: 3})
	for range 5 {
		few.Add(time.Unix(1, 1), line, nil)
	}
	if few.Len() != 3 {
		t.Errorf("%d entries, want 3", few.Len())
	}
}

func TestBatchFillsExactly(t *testing.T) {
	probe := newTestBatch(t, bounds{})
	for range 3 {
		probe.Add(time.Unix(1, 1), []byte("line"), nil)
	}
	for size, want := range map[int]int{probe.Bytes(): 3, probe.Bytes() - 1: 2} {
		b := newTestBatch(t, bounds{bytes: size})
		for b.Add(time.Unix(1, 1), []byte("line"), nil) {
		}
		if b.Len() != want || b.Bytes() > size {
			t.Errorf("limit %d: %d entries in %d bytes, want %d", size, b.Len(), b.Bytes(), want)
		}
	}
}

func TestBatchTakesOneHugeLineAlone(t *testing.T) {
	b := newTestBatch(t, bounds{})
	huge := bytes.Repeat([]byte("x"), 5<<20)
	if !b.Add(time.Unix(1, 1), huge, nil) || b.Add(time.Unix(1, 1), nil, nil) {
		t.Fatal("a huge line is a batch of its own")
	}
	if got := decoded(t, b); len(got[0].Line) != 5<<20 {
		t.Errorf("%d bytes", len(got[0].Line))
	}
	b.Reset()
	if cap(b.buf) > defaultMaxBytes+keptExtra {
		t.Errorf("%d bytes kept", cap(b.buf))
	}
	if !b.Add(time.Unix(1, 1), []byte("next"), nil) || decoded(t, b)[0].Line != "next" {
		t.Error("batch is broken after Reset")
	}
}

func TestBatchKeepsMemoryOverReset(t *testing.T) {
	for _, size := range []int{defaultMaxBytes, 600_000, 3 << 20} {
		b := newTestBatch(t, bounds{bytes: size})
		line := []byte(strings.Repeat("x", 1000))
		fill := func() {
			b.Reset()
			for b.Add(time.Unix(1, 1), line, nil) {
			}
		}
		fill()
		if n := testing.AllocsPerRun(5, fill); n != 0 {
			t.Errorf("%d: %v allocations to fill it again", size, n)
		}
		if cap(b.buf) > size+keptExtra {
			t.Errorf("%d: %d bytes for a full batch", size, cap(b.buf))
		}
	}
}

func TestBatchSlice(t *testing.T) {
	b := newTestBatch(t, bounds{})
	const n = 7
	for i := range n {
		b.Add(time.Unix(int64(i), 0), []byte(strings.Repeat("x", i*40)), &Fields{Verb: []byte(fmt.Sprint("v", i))})
	}
	all := decoded(t, b)
	for i := range n + 1 {
		for j := i; j <= n; j++ {
			part := b.Slice(i, j)
			if part.Len() != j-i {
				t.Fatalf("Slice(%d, %d) has %d entries", i, j, part.Len())
			}
			if got := decoded(t, part); len(got) != j-i || j > i && !reflect.DeepEqual(got, all[i:j]) {
				t.Errorf("Slice(%d, %d): %v", i, j, got)
			}
			nested := part.Slice(1, part.Len())
			if got := decoded(t, nested); j-i > 1 && !reflect.DeepEqual(got, all[i+1:j]) {
				t.Errorf("Slice(%d, %d).Slice(1): %v", i, j, got)
			}
		}
	}
	if b.Slice(-5, 99).Len() != n || b.Slice(5, 2).Len() != 0 {
		t.Error("indices out of range are moved to the bounds")
	}
	first, second := b.Split()
	first.Reset()
	first.Add(time.Unix(9, 9), bytes.Repeat([]byte("y"), 500), nil)
	if second.Len() != 4 || !reflect.DeepEqual(decoded(t, second), all[3:]) || !reflect.DeepEqual(decoded(t, b), all) {
		t.Error("a part shares memory with the whole")
	}
}

func TestMetadataIsClipped(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{strings.Repeat("x", 2048), strings.Repeat("x", 2048)},
		{strings.Repeat("x", 2049), strings.Repeat("x", 2045) + "…"},
		{strings.Repeat("ü", 1025), strings.Repeat("ü", 1022) + "…"},
		{"a\xff\xfeb", "a?b"},
		{strings.Repeat("\xff", 3000), "?…"},
		{strings.Repeat("\x80", 3000), "…"},
	} {
		value := []byte(c.value)
		b := newTestBatch(t, bounds{})
		b.Add(time.Unix(1, 1), nil, &Fields{User: value})
		got := decoded(t, b)[0].Get("user")
		if got != c.want || !utf8.ValidString(got) || len(got) > maxValueLen {
			t.Errorf("%.20q…: got %d bytes %.20q…, want %.20q…", c.value, len(got), got, c.want)
		}
		if string(value) != c.value {
			t.Errorf("%.20q…: the caller's bytes changed", c.value)
		}
	}
}

func FuzzBatch(f *testing.F) {
	f.Add([]byte("line"), []byte("user"), int64(1), int64(5), uint16(100))
	f.Add([]byte("\x00\xff"), []byte("\xff"), int64(-5), int64(999_999_999), uint16(0))
	f.Fuzz(func(t *testing.T, line, user []byte, seconds, nanos int64, limit uint16) {
		seconds %= 1 << 36
		at := time.Unix(seconds, nanos).UTC()
		b := newTestBatch(t, bounds{bytes: int(limit) + 1})
		n := 0
		for n < 20 && b.Add(at, line, &Fields{User: user, Code: line}) {
			n++
		}
		if n == 0 || n > 1 && b.Bytes() > int(limit)+1 {
			t.Fatalf("%d entries, %d bytes, limit %d", n, b.Bytes(), limit)
		}
		entries := decoded(t, b)
		for _, e := range entries {
			if e.Line != string(ValidLine(line)) || !e.Timestamp.Equal(at) || utf8.Valid(user) && len(user) <= maxValueLen && e.Get("user") != string(user) {
				t.Fatalf("got %+v", e)
			}
		}
		if len(entries) != n {
			t.Fatalf("%d entries, added %d", len(entries), n)
		}
	})
}

// BenchmarkAddEncode is the whole CPU work of a push but the HTTP: parse, encode, compress.
func BenchmarkAddEncode(b *testing.B) {
	log := audittest.Corpus(b, "rotated.log")
	batch := newTestBatch(b, bounds{})
	compressed := make([]byte, s2.MaxEncodedLen(2<<20))
	var r reader
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		for line := range bytes.Lines(log) {
			line = line[:len(line)-1]
			fields, _ := r.read(line)
			for !batch.Add(fields.StageTimestamp, line, fields) {
				s2.EncodeSnappy(compressed, batch.request())
				batch.Reset()
			}
		}
	}
}

func BenchmarkBatchAdd(b *testing.B) {
	line := firstLine(b)
	batch := newTestBatch(b, bounds{})
	var r reader
	fields, _ := r.read(line)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if !batch.Add(fields.StageTimestamp, line, fields) {
			batch.Reset()
		}
	}
}

func TestValidLine(t *testing.T) {
	for line, want := range map[string]string{"": "", "a\u00fc\x00": "a\u00fc\x00", "a\xff\xfeb": "a\ufffd\ufffdb", "\xe2\x82": "\ufffd\ufffd", "\xed\xa0\x80": "\ufffd\ufffd\ufffd"} {
		if got := string(ValidLine([]byte(line))); got != want {
			t.Errorf("%q is %q, want %q", line, got, want)
		}
		b := newTestBatch(t, bounds{})
		b.Add(time.Unix(1, 0), []byte(line), nil)
		streams, err := lokitest.Decode(b.request())
		if err != nil || streams[0].Entries[0].Line != want {
			t.Errorf("%q is sent as %v, %v", line, streams, err)
		}
	}
}
