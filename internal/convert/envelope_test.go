package convert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// The files of testdata have the events of testdata/events.log, each in its envelope.
func TestEnvelopes(t *testing.T) {
	want, err := os.ReadFile("testdata/events.log")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from    Envelope
		skipped int64
	}{
		"eks-get-log-events.json":    {EKS, 0},
		"eks-filter-log-events.json": {EKS, 1}, // an authenticator's line
		"eks-firehose.json":          {EKS, 2}, // a control message, and another stream's
		"eks-export.txt":             {EKS, 0},
		"aks-storage.jsonl":          {AKS, 1}, // kube-scheduler's
		"aks-eventhub.json":          {AKS, 0},
	} {
		file, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		events, skipped, err := unpack(c.from, bytes.NewReader(file), &got)
		if err != nil || events != 3 || skipped != c.skipped || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: %d events, %d skipped, %v\n%s", name, events, skipped, err, got.Bytes())
		}
	}
}

// Every line of the corpus comes out of every envelope as it went in.
func TestEnvelopesOfTheCorpus(t *testing.T) {
	var lines []string
	var want bytes.Buffer
	for line := range audittest.Lines(audittest.Corpus(t, "rotated.log")) {
		lines = append(lines, string(line))
		want.Write(append(line, '\n'))
	}
	for _, from := range []Envelope{EKS, AKS} {
		var in, got bytes.Buffer
		for _, line := range lines {
			var v any = map[string]any{"logEvents": []any{map[string]any{"id": "1", "message": line}}, "logStream": "kube-apiserver-audit-1"}
			if from == AKS {
				v = map[string]any{"category": "kube-audit", "properties": map[string]any{"log": line + "\n", "pod": "kube-apiserver-1"}}
			}
			if err := json.NewEncoder(&in).Encode(v); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := unpack(from, &in, &got); err != nil || !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("%s: %v, %d bytes of %d", from, err, got.Len(), want.Len())
		}
	}
}

// An input that is not an envelope, or cannot be given back unchanged, is an error with position and reason.
func TestBadEnvelopes(t *testing.T) {
	for name, c := range map[string]struct {
		from     Envelope
		in, want string
	}{
		"nothing":          {EKS, "", "no entry"},
		"an audit log":     {EKS, `{"kind":"Event","auditID":"1"}`, "no entry"},
		"another cloud's":  {AKS, `{"events":[{"message":"{}"}]}`, "properties"},
		"cut short":        {EKS, `{"events":[{"message":"{}"}`, "unexpected EOF"},
		"a list cut short": {AKS, `[{"properties":{"log":""}}`, "unexpected EOF"},
		"deep in an entry": {AKS, `{"x":` + strings.Repeat("[", 20000), "depth"},
		"no JSON":          {AKS, `kube-audit`, "invalid character"},
		"a number":         {AKS, `7`, "not an envelope"},
		"no list":          {EKS, `{"events":{}}`, "not a list"},
		"no message":       {EKS, `{"events":[{"id":"1"}]}`, "no string message"},
		"a structured log": {AKS, `{"properties":{"log":{}}}`, "no string properties.log"},
		"base64":           {EKS, `{"records":[{"data":"H4sI"}]}`, "base64"},
		"not UTF-8":        {EKS, "{\"events\":[{\"message\":\"\xff\"}]}", "not UTF-8"},
		"half a pair":      {EKS, `{"events":[{"message":"\ud800"}]}`, "surrogate"},
		"no export":        {EKS, "2026-11-30T17:00:00Z {}\n2026 {}\n", "line 2"},
		"a long value":     {EKS, `{"events":[{"message":"` + strings.Repeat("x", maxValue+maxValue/2) + `"}]}`, "longer"},
		"a long key":       {AKS, `{"` + strings.Repeat("x", maxValue+maxValue/2), "longer"},
		"deep":             {AKS, strings.Repeat("[", 20000), "not an envelope"},
	} {
		if _, _, err := unpack(c.from, strings.NewReader(c.in), io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// endless is an envelope whose list of events does not fit into memory.
type endless struct {
	left int
	buf  bytes.Buffer
}

func (e *endless) Read(p []byte) (int, error) {
	if e.buf.Len() == 0 && e.left >= 0 {
		if e.left > 0 {
			fmt.Fprintf(&e.buf, `{"message":"%s"},`, strings.Repeat("x", 1<<16))
		} else {
			e.buf.WriteString(`{"message":""}]}`)
		}
		e.left--
	}
	return e.buf.Read(p)
}

// Memory does not grow with the number of events: a list of 16 MB needs no more than one of 4 MB.
// The race detector looks at every byte of it, so the list is no longer than shows that.
func TestEnvelopeInBoundedMemory(t *testing.T) {
	peak := func(events int) uint64 {
		in := &endless{left: events}
		in.buf.WriteString(`{"events":[`)
		var most uint64
		count := 0
		if _, _, err := unpack(EKS, in, writer(func(p []byte) {
			if count++; count%50 == 0 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		})); err != nil {
			t.Fatal(err)
		}
		return most
	}
	few, many := peak(1<<6), peak(1<<8)
	if many > few+(6<<20) {
		t.Errorf("%d bytes of heap for few events, %d for many", few, many)
	}
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

func FuzzEnvelope(f *testing.F) {
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, from := range []Envelope{EKS, AKS} {
			var out bytes.Buffer
			events, _, err := unpack(from, bytes.NewReader(data), &out)
			if err == nil && int64(bytes.Count(out.Bytes(), []byte("\n"))) < events {
				t.Errorf("%s: %d events, and fewer lines", from, events)
			}
		}
	})
}
