// Command arrow opens with arrow-go the output of `auditsidecar convert`
// (FILE.parquet beside each FILE), and compares it cell by cell with the values that
// fields that encoding/json finds in the original lines.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

func main() {
	for _, log := range os.Args[1:] {
		rows, cells, err := compare(log)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(log), err)
			os.Exit(1)
		}
		fmt.Printf("%s: %d rows, %d cells agree\n", filepath.Base(log), rows, cells)
	}
}

// compare reads one object and compares every row of part 0 with its line.
func compare(log string) (rows, cells int, err error) {
	content, err := os.ReadFile(log)
	if err != nil {
		return 0, 0, fmt.Errorf("read log: %w", err)
	}
	lines := bytes.Split(bytes.TrimSuffix(content, []byte("\n")), []byte("\n"))
	f, err := file.OpenParquetFile(log+".parquet", false)
	if err != nil {
		return 0, 0, fmt.Errorf("open object: %w", err)
	}
	defer f.Close()
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: 1000}, memory.DefaultAllocator)
	if err != nil {
		return 0, 0, fmt.Errorf("open object: %w", err)
	}
	records, err := r.GetRecordReader(context.Background(), nil, nil)
	if err != nil {
		return 0, 0, fmt.Errorf("read object: %w", err)
	}
	seen := map[int64]bool{}
	for {
		batch, err := records.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return rows, cells, fmt.Errorf("read object: %w", err)
		}
		n, err := compareBatch(batch, lines, seen)
		if err != nil {
			return rows, cells, err
		}
		rows += int(batch.NumRows())
		cells += n
	}
	if len(seen) != len(lines) {
		return rows, cells, fmt.Errorf("rows for %d of %d lines", len(seen), len(lines))
	}
	return rows, cells, nil
}

func compareBatch(batch arrow.RecordBatch, lines [][]byte, seen map[int64]bool) (cells int, err error) {
	columns := map[string]arrow.Array{}
	for i, field := range batch.Schema().Fields() {
		columns[field.Name] = batch.Column(i)
	}
	for i := range int(batch.NumRows()) {
		row := map[string]any{}
		for name, column := range columns {
			row[name] = value(column, i)
		}
		if row["line_part"] != int64(0) {
			continue
		}
		line := row["source_line"].(int64)
		if seen[line] {
			return cells, fmt.Errorf("line %d twice", line)
		}
		seen[line] = true
		n, err := compareRow(row, withoutHoles(lines[line-1]))
		if err != nil {
			return cells, fmt.Errorf("line %d: %w", line, err)
		}
		cells += n
	}
	return cells, nil
}

// withoutHoles returns a line as its row holds it: one byte for each run of
// 64 KiB of NUL bytes and more (I2 in docs/INVARIANTS.md).
func withoutHoles(line []byte) []byte {
	var kept []byte
	for len(line) > 0 {
		run := len(line) - len(bytes.TrimLeft(line, "\x00"))
		if run >= 64<<10 {
			line = line[run-1:]
			run = 1
		}
		text := bytes.IndexByte(line[run:], 0)
		if text < 0 {
			text = len(line) - run
		}
		kept = append(kept, line[:run+text]...)
		line = line[run+text:]
	}
	return kept
}

func compareRow(row map[string]any, line []byte) (cells int, err error) {
	if raw := row["raw"]; raw != nil && raw != string(line) {
		return 0, errors.New("raw differs")
	}
	var event map[string]any
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if row["decode_status"] != "ok" || decoder.Decode(&event) != nil {
		if row["raw"] == nil {
			return 0, errors.New("no event and no raw")
		}
		return 0, nil
	}
	want := wanted(event)
	if row["raw"] == nil {
		want["unknown_fields"] = unknown(event)
	}
	for name, want := range want {
		got := row[name]
		if text, ok := got.(string); ok && jsonColumn(name) {
			got = parsed(text)
		}
		if !reflect.DeepEqual(got, want) {
			return cells, fmt.Errorf("%s is %#v, want %#v", name, got, want)
		}
		cells++
	}
	return cells, nil
}

func jsonColumn(name string) bool {
	return slices.Contains([]string{"response_details", "request_object", "response_object", "unknown_fields"}, name)
}

func parsed(text string) any {
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return text
	}
	return v
}

// value returns a cell as strings, int64, []any and map[string]any.
func value(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.String:
		return a.Value(i)
	case *array.Binary:
		return string(a.Value(i))
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Timestamp:
		return int64(a.Value(i))
	case *array.Map:
		m := map[string]any{}
		from, to := a.ValueOffsets(i)
		for j := int(from); j < int(to); j++ {
			m[value(a.Keys(), j).(string)] = value(a.Items(), j)
		}
		return m
	case *array.List:
		l := []any{}
		from, to := a.ValueOffsets(i)
		for j := int(from); j < int(to); j++ {
			l = append(l, value(a.ListValues(), j))
		}
		return l
	default:
		return fmt.Errorf("unexpected type %s", a.DataType())
	}
}

// wanted returns the columns that an event must have.
func wanted(event map[string]any) map[string]any {
	ref, _ := event["objectRef"].(map[string]any)
	status, _ := event["responseStatus"].(map[string]any)
	authentication, _ := event["authenticationMetadata"].(map[string]any)
	want := map[string]any{
		"impersonation_constraint":   authentication["impersonationConstraint"],
		"response_code":              number(status["code"]),
		"request_received_timestamp": micros(event["requestReceivedTimestamp"]),
		"stage_timestamp":            micros(event["stageTimestamp"]),
	}
	for column, field := range map[string]string{
		"level": "level", "audit_id": "auditID", "stage": "stage", "request_uri": "requestURI", "verb": "verb", "user_agent": "userAgent",
		"source_ips": "sourceIPs", "annotations": "annotations", "request_object": "requestObject", "response_object": "responseObject",
	} {
		want[column] = event[field]
	}
	for column, field := range map[string]string{
		"resource": "resource", "namespace": "namespace", "name": "name", "uid": "uid", "api_group": "apiGroup",
		"api_version": "apiVersion", "resource_version": "resourceVersion", "subresource": "subresource",
	} {
		want["object_"+column] = ref[field]
	}
	for _, field := range []string{"status", "reason", "message", "details"} {
		want["response_"+field] = status[field]
	}
	for prefix, field := range map[string]string{"user": "user", "impersonated_user": "impersonatedUser"} {
		user, _ := event[field].(map[string]any)
		want[prefix+"_name"] = user["username"]
		want[prefix+"_uid"] = user["uid"]
		want[prefix+"_groups"] = user["groups"]
		want[prefix+"_extra"] = user["extra"]
	}
	return want
}

// unknown returns the expected column of unknown fields: the one field that
// the suite adds, with the place where it does.
func unknown(event map[string]any) any {
	if event["tenant"] == nil {
		return nil
	}
	return map[string]any{"verb": nil, "tenant": event["tenant"]}
}

func number(v any) any {
	n, ok := v.(json.Number)
	if !ok {
		return nil
	}
	i, err := n.Int64()
	if err != nil {
		return nil
	}
	return i
}

func micros(v any) any {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return nil
	}
	return t.UnixMicro()
}
