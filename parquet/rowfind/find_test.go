package rowfind

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objecttest"
)

// counting counts the bytes and requests of a reader.
type counting struct {
	io.ReaderAt
	bytes, requests atomic.Int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	c.bytes.Add(int64(len(p)))
	c.requests.Add(1)
	return c.ReaderAt.ReadAt(p, off)
}

// converted is the object of a log.
func converted(t testing.TB, log []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "x.parquet")
	_, err := parquet.Convert(context.Background(), bytes.NewReader(log), int64(len(log)), parquet.Config{File: file, Work: dir, Meta: parquet.Meta{Cluster: "c", Node: "n", Epoch: "20261122T110000aaaaaa", Seq: 1, SourceName: "audit.log"}})
	audittest.Must(t, err)
	return audittest.ReadFile(t, file)
}

// expected are the numbers of the lines of a log that match a query, by the decoder alone.
func expected(log []byte, q *Query) (want []int64) {
	var d auditline.Decoder
	var e auditline.Event
	n := int64(0)
	for line := range audittest.Lines(log) {
		n++
		e.Release()
		d.Line(line, &e)
		if q.matches(&e) {
			want = append(want, n)
		}
	}
	return want
}

// found are the numbers of the lines of an object that match, which must be those of the log.
func found(t testing.TB, r io.ReaderAt, size int64, q *Query, lines [][]byte) (got []int64) {
	t.Helper()
	o, err := Open(r, size)
	audittest.Must(t, err)
	var b auditline.Rebuilder
	audittest.Must(t, o.Find(q, nil, func(row *Row) error {
		if row.Part > 0 {
			return nil
		}
		got = append(got, row.Line)
		if line := row.Append(nil, &b); lines != nil && !bytes.Equal(line, lines[row.Line-1]) {
			t.Errorf("line %d is %.200s", row.Line, line)
		}
		return nil
	}))
	slices.Sort(got)
	if may, err := o.May(q); err != nil || !may && len(got) > 0 {
		t.Errorf("%d rows, but May says %v (%v)", len(got), may, err)
	}
	return got
}

// queries are some that each value of a log's first lines answers, and some that nothing does.
func queries(log []byte, every int) map[string]Query {
	all := map[string]Query{"all": {}, "nothing": {Fields: map[auditline.Field][]string{auditline.UserName: {"nobody@example.com"}}}}
	var d auditline.Decoder
	var e auditline.Event
	n := 0
	for line := range audittest.Lines(log) {
		if n++; n%every != 1 {
			continue
		}
		e.Release()
		d.Line(line, &e)
		fields := map[auditline.Field][]string{}
		for _, c := range []auditline.Field{auditline.UserName, auditline.Verb, auditline.AuditID, auditline.ObjectResource, auditline.ObjectNamespace, auditline.ObjectName} {
			if v := e.Text(c); v != nil {
				fields[c] = []string{string(v)}
			}
		}
		if code, ok := e.Int(auditline.ResponseCode); ok {
			fields[auditline.ResponseCode] = []string{fmt.Sprint(code), "599", "x"}
		}
		if ips := e.List(auditline.SourceIPs).Items; len(ips) > 0 {
			fields[auditline.SourceIPs] = []string{"203.0.113.1", string(ips[0])}
		}
		for c, v := range fields {
			all[fmt.Sprintf("line %d, field %d", n, c)] = Query{Fields: map[auditline.Field][]string{c: v}}
		}
		all[fmt.Sprintf("line %d, all fields", n)] = Query{Fields: maps.Clone(fields)}
		if us, ok := e.StageTime(); ok {
			at := time.UnixMicro(us).UTC()
			all[fmt.Sprintf("line %d, this microsecond", n)] = Query{From: at, To: at.Add(time.Microsecond)}
			all[fmt.Sprintf("line %d, an hour before", n)] = Query{From: at.Add(-time.Hour), To: at}
			all[fmt.Sprintf("line %d, verb from then on", n)] = Query{From: at.Add(1), Fields: map[auditline.Field][]string{auditline.Verb: fields[auditline.Verb]}}
		}
	}
	return all
}

// Every query finds the lines that a decoder of all lines finds, in objects of one large row
// group and of many tiny ones.
func TestFindAgreesWithTheLines(t *testing.T) {
	for _, name := range []string{"diverse.log", "rotated.log"} {
		if name == "rotated.log" && testing.Short() {
			continue
		}
		log := audittest.Corpus(t, name)
		var lines [][]byte
		for line := range audittest.Lines(log) {
			lines = append(lines, bytes.Clone(line))
		}
		for form, object := range map[string][]byte{"as converted": converted(t, log), "tiny pages": objecttest.Write(t, lines, objecttest.TinyLimits())} {
			t.Run(name+" "+form, func(t *testing.T) {
				n := 0
				exact := lines
				if form != "as converted" {
					exact = nil // there is no raw in it
				}
				for name, q := range queries(log, max(97, bytes.Count(log, []byte("\n"))/4)) {
					want := expected(log, &q)
					got := found(t, bytes.NewReader(object), int64(len(object)), &q, exact)
					if !slices.Equal(got, want) {
						t.Errorf("%s: %d lines, want %d", name, len(got), len(want))
					}
					n++
				}
				if n < 10 {
					t.Errorf("only %d queries", n)
				}
			})
		}
	}
}

// A query reads little of an object.
func TestFindReadsLittle(t *testing.T) {
	log := audittest.Corpus(t, "rotated.log")
	object := converted(t, log)
	fields := func(c auditline.Field, v string) Query { return Query{Fields: map[auditline.Field][]string{c: {v}}} }
	text := []auditline.Field{auditline.StageTimestamp, auditline.UserName, auditline.Verb, auditline.ObjectResource, auditline.ObjectNamespace, auditline.ObjectName, auditline.ObjectSubresource, auditline.ResponseCode, auditline.SourceIPs}
	for name, q := range map[string]Query{
		"absent user":   fields(auditline.UserName, "nobody@example.com"),
		"absent id":     fields(auditline.AuditID, "5b0c1f3e-8d7a-4a52-9b11-0a6d3c2f7e90"),
		"one lease":     {Fields: map[auditline.Field][]string{auditline.ObjectResource: {"leases"}, auditline.ObjectName: {"kube-scheduler"}}},
		"all of a verb": fields(auditline.Verb, "delete"),
	} {
		c := &counting{ReaderAt: bytes.NewReader(object)}
		o, err := Open(c, int64(len(object)))
		audittest.Must(t, err)
		n := 0
		audittest.Must(t, o.Find(&q, text, func(*Row) error { n++; return nil }))
		t.Logf("%s: %d rows, %d of %d bytes (%.2f %%) in %d requests", name, n, c.bytes.Load(), len(object), 100*float64(c.bytes.Load())/float64(len(object)), c.requests.Load())
		if c.bytes.Load() > int64(len(object)) {
			t.Errorf("%s: more than the object", name)
		}
	}
}

func TestOpenOfOtherFiles(t *testing.T) {
	for _, content := range []string{"", "PAR1", strings.Repeat("x", 100<<10)} {
		if _, err := Open(strings.NewReader(content), int64(len(content))); err == nil {
			t.Errorf("%d bytes are an object", len(content))
		}
	}
}

// A damaged object is an error or gives rows, and nothing else.
func FuzzFind(f *testing.F) {
	log := audittest.Corpus(f, "diverse.log")
	var lines [][]byte
	for line := range audittest.Lines(log) {
		if lines = append(lines, bytes.Clone(line)); len(lines) == 300 {
			break
		}
	}
	f.Add(uint32(0), byte(0))
	f.Add(uint32(9), byte(1))
	var object []byte
	f.Fuzz(func(t *testing.T, at uint32, flip byte) {
		if object == nil {
			object = objecttest.Write(t, lines, objecttest.TinyLimits())
		}
		b := bytes.Clone(object)
		b[len(b)-1-int(at)%len(b)] ^= flip
		o, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		q := Query{Fields: map[auditline.Field][]string{auditline.Verb: {"get", "list"}}, From: time.Unix(0, 0)}
		_ = o.Find(&q, nil, func(*Row) error { return nil }) // an error is as good
	})
}

// A footer that is longer than the first read is read once.
func TestOpenReadsALongFooterOnce(t *testing.T) {
	var lines [][]byte
	for line := range audittest.Lines(audittest.Corpus(t, "diverse.log")) {
		lines = append(lines, bytes.Clone(line))
	}
	object := objecttest.Write(t, lines, objecttest.TinyLimits()) // several row groups
	c := &counting{ReaderAt: bytes.NewReader(object)}
	_, err := Open(c, int64(len(object)))
	audittest.Must(t, err)
	footer := int64(binary.LittleEndian.Uint32(object[len(object)-8:])) + 8
	if footer < firstRead || c.bytes.Load() != footer || c.requests.Load() != 2 {
		t.Errorf("%d bytes in %d requests for a footer of %d", c.bytes.Load(), c.requests.Load(), footer)
	}
}
