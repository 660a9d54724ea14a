package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
)

var update = flag.Bool("update", false, "write the golden files")

// The encoding is a promise: archived records must stay readable.
func TestGolden(t *testing.T) {
	records := map[string][]byte{
		"file.json":      sealed(t, fileRecord(7, noon)),
		"gap.json":       sealed(t, gapRecord(8, noon.Add(time.Nanosecond))),
		"redacted.json":  sealed(t, redactedRecord(9)),
		"heartbeat.json": sealed(t, heartbeatRecord(10)),
		"setup.json":     sealed(t, setupRecord(12)),
		"key.json":       sealedAfter(t, Tree{}, keyRecord(11, testKeyFrom(t, 2, 1)), testKey(t, 2)),
	}
	for name, data := range records {
		path := filepath.Join("testdata", name)
		if *update {
			must(t, os.WriteFile(path, data, 0o644))
		}
		want, err := os.ReadFile(path)
		must(t, err)
		if !bytes.Equal(data, want) {
			t.Errorf("%s: encoded as\n%swant\n%s", name, data, want)
		}
		if _, err := Decode(want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	zone := time.FixedZone("east", 7200)
	for name, r := range map[string]Record{
		"file":            fileRecord(1, noon),
		"gap":             gapRecord(2, noon.Add(123456789)),
		"in another zone": fileRecord(3, noon.In(zone)),
		"with the monotonic clock": {Kind: KindGap, Seq: 4, Time: At(time.Now()),
			Gaps: []Gap{{Reason: "of_a_newer_version", Bytes: 0, Detail: "\u2028\x00\"\\<>&é"}}},
		"redacted":                     redactedRecord(5),
		"heartbeat":                    heartbeatRecord(6),
		"first heartbeat":              {Kind: KindHeartbeat, Seq: 7, Time: At(noon), Heartbeat: &Heartbeat{Every: 60}},
		"setup":                        setupRecord(7),
		"setup of nothing":             {Kind: KindSetup, Seq: 7, Time: At(noon), Setup: &Setup{}},
		"key":                          keyRecord(8, testKeyFrom(t, 2, 1)),
		"first key":                    keyRecord(9, testKey(t, 1)),
		"first of an epoch":            {Kind: KindHeartbeat, Seq: 7, Time: At(noon), Heartbeat: &Heartbeat{Every: 60}, Begins: &Begins{Reason: BeginOwner, Detail: "x"}},
		"of a clock that was set back": {Kind: KindHeartbeat, Seq: 7, Time: At(noon), Heartbeat: &Heartbeat{Every: 60}, ClockStepped: true},
		"empty file":                   {Kind: KindFile, Seq: 1<<63 - 1, Time: At(noon), Source: &Source{SHA256: sum(0)}},
	} {
		t.Run(name, func(t *testing.T) {
			r = identified(r)
			r.Checkpoint = firstCheckpoint
			data, err := Encode(r)
			must(t, err)
			got, err := Decode(data)
			must(t, err)
			if !reflect.DeepEqual(got, r) {
				t.Errorf("decoded\n%+v\nwant\n%+v", got, r)
			}
			if n := bytes.Count(data, []byte("\n")); n != 1 || data[len(data)-1] != '\n' {
				t.Errorf("not one line: %q", data)
			}
		})
	}
}

// firstCheckpoint is one of a record with the number 1.
const firstCheckpoint = "auditsidecar/prod/cp-1\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n"

// Equal meanings have equal bytes.
func TestOneEncoding(t *testing.T) {
	want := sealed(t, fileRecord(1, noon))
	r := fileRecord(1, noon.In(time.FixedZone("", -3600)))
	r.Gaps = []Gap{}
	r.Source.First = Stamp{r.Source.First.In(time.FixedZone("", 60))} // not by way of At
	if got := sealed(t, r); !bytes.Equal(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestInvalidUTF8(t *testing.T) {
	r := fileRecord(1, noon)
	r.Source.Name = "audit\xff.log"
	r.Counts.Levels = map[string]int64{"a\xff": 1, "a\xfe": 2}
	data := sealed(t, r)
	got, err := Decode(data)
	must(t, err)
	if got.Source.Name != "audit\ufffd.log" || !reflect.DeepEqual(got.Counts.Levels, map[string]int64{"a\ufffd": 3}) {
		t.Errorf("decoded %+v, %+v", got.Source, got.Counts)
	}
	if r.Source.Name != "audit\xff.log" || len(r.Counts.Levels) != 2 {
		t.Error("Encode changed the caller's record")
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, edit := range map[string]func(*Record){
		"version":           func(r *Record) { r.Version = 2 },
		"kind":              func(r *Record) { r.Kind = "alarm" },
		"cluster":           func(r *Record) { r.Cluster = "a/b" },
		"node":              func(r *Record) { r.Node = "" },
		"epoch":             func(r *Record) { r.Epoch = "20261122" },
		"seq":               func(r *Record) { r.Seq = 0 },
		"number":            func(r *Record) { r.Number = 0 },
		"no such reason":    func(r *Record) { r.Begins = &Begins{Reason: "x"} },
		"no time":           func(r *Record) { r.Time = Stamp{} },
		"year":              func(r *Record) { r.Time = At(noon.AddDate(8000, 0, 0)) },
		"no source":         func(r *Record) { r.Source = nil },
		"source size":       func(r *Record) { r.Source.Size = -1 },
		"source lines":      func(r *Record) { r.Source.Lines = -1 },
		"source sum":        func(r *Record) { r.Source.SHA256 = "" },
		"object key":        func(r *Record) { r.Objects[0].Key = "" },
		"object size":       func(r *Record) { r.Objects[0].Size = -1 },
		"object rows":       func(r *Record) { r.Objects[0].Rows = -1 },
		"object sum":        func(r *Record) { r.Objects[0].SHA256 = sum(1)[1:] },
		"count":             func(r *Record) { r.Counts.Stages[""] = -1 },
		"gap reason":        func(r *Record) { r.Gaps = []Gap{{Reason: ""}} },
		"gap reason's form": func(r *Record) { r.Gaps = []Gap{{Reason: "Pruned"}} },
		"gap bytes":         func(r *Record) { r.Gaps = []Gap{{Reason: continuity.ReasonPruned, Bytes: -2}} },
		"gap with a source": func(r *Record) { r.Kind, r.Gaps = KindGap, []Gap{{Reason: continuity.ReasonPruned}} },
		"gap with objects": func(r *Record) {
			r.Kind, r.Gaps, r.Source, r.Counts = KindGap, []Gap{{Reason: continuity.ReasonPruned}}, nil, Counts{}
		},
		"gap without gaps": func(r *Record) { *r = gapRecord(1, noon); r.Version, r.Identity, r.Gaps = 1, self, nil },
		"Merkle root":      func(r *Record) { r.Source.MerkleRoot = "x" },
		"both hashes":      func(r *Record) { r.Source.HMAC = sum(1) },
		"HMAC alone":       func(r *Record) { r.Source.SHA256, r.Source.HMAC = "", sum(1) },
		"redaction":        func(r *Record) { r.Redaction = "x" },
		"content alone":    func(r *Record) { r.Content = redactedRecord(1).Content },
		"redacted, with a root of what it was": func(r *Record) {
			*r = identified(redactedRecord(1))
			r.Source.MerkleRoot = sum(3)
		},
		"redacted by nothing":   func(r *Record) { *r = identified(redactedRecord(1)); r.Redaction = "" },
		"content's lines":       func(r *Record) { *r = identified(redactedRecord(1)); r.Content.Lines++ },
		"content's root":        func(r *Record) { *r = identified(redactedRecord(1)); r.Content.MerkleRoot = "" },
		"a file's heartbeat":    func(r *Record) { r.Heartbeat = &Heartbeat{Every: 1} },
		"heartbeat of nothing":  func(r *Record) { *r = identified(heartbeatRecord(1)); r.Heartbeat = nil },
		"heartbeat with gaps":   func(r *Record) { *r = identified(heartbeatRecord(1)); r.Gaps = gapRecord(1, noon).Gaps },
		"heartbeat with source": func(r *Record) { r.Kind, r.Heartbeat = KindHeartbeat, &Heartbeat{Every: 1} },
		"heartbeat's interval":  func(r *Record) { *r = identified(heartbeatRecord(1)); r.Heartbeat.Every = 0 },
		"open file's hash":      func(r *Record) { *r = identified(heartbeatRecord(1)); r.Heartbeat.Open.SHA256 = "" },
		"open file's lines":     func(r *Record) { *r = identified(heartbeatRecord(1)); r.Heartbeat.Open.Lines = 1 << 60 },
		"counter run backwards": func(r *Record) { *r = identified(heartbeatRecord(1)); r.Heartbeat.Server.After = 1 },
		"key of nothing":        func(r *Record) { *r = identified(keyRecord(1, testKey(t, 1))); r.Key = nil },
		"setup without setup":   func(r *Record) { *r = identified(setupRecord(1)); r.Setup = nil },
		"setup of a gap":        func(r *Record) { *r = identified(gapRecord(1, noon)); r.Setup = &Setup{} },
		"flag":                  func(r *Record) { *r = identified(setupRecord(1)); r.Setup.Flags["etcd-servers"] = "x" },
		"long flag": func(r *Record) {
			*r = identified(setupRecord(1))
			r.Setup.Flags["audit-log-path"] = strings.Repeat("x", 4000)
		},
		"long version":  func(r *Record) { *r = identified(setupRecord(1)); r.Setup.Server = strings.Repeat("x", 129) },
		"other policy":  func(r *Record) { *r = identified(setupRecord(1)); r.Setup.Policy.Text += "x" },
		"policy's hash": func(r *Record) { *r = identified(setupRecord(1)); r.Setup.Policy = &Document{} },
		"short key":     func(r *Record) { *r = identified(keyRecord(1, testKey(t, 1))); r.Key.Vkey = r.Key.Vkey[:60] },
		"handover": func(r *Record) {
			*r = identified(keyRecord(1, testKeyFrom(t, 1, 2)))
			r.Key.Handover.Signature = "x"
		},
		"handover by no key": func(r *Record) {
			*r = identified(keyRecord(1, testKeyFrom(t, 1, 2)))
			r.Key.Handover.From = "x"
		},
		"too long": func(r *Record) { r.Source.Name = strings.Repeat("x", MaxSize) },
	} {
		t.Run(name, func(t *testing.T) {
			r := identified(fileRecord(1, noon))
			edit(&r)
			if data, err := Encode(r); !errors.Is(err, ErrInvalid) {
				t.Errorf("encoded as %.100s, %v", data, err)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := string(sealed(t, fileRecord(1, noon)))
	replace := func(old, text string) string {
		if strings.Count(good, old) == 0 {
			t.Fatalf("nothing to replace: %s", old)
		}
		return strings.Replace(good, old, text, 1)
	}
	for name, c := range map[string]struct {
		data string
		want error
	}{
		"nothing":            {"", ErrInvalid},
		"NULs":               {strings.Repeat("\x00", 512), ErrInvalid},
		"no object":          {"7\n", ErrInvalid},
		"null":               {"null\n", ErrInvalid},
		"empty object":       {"{}\n", ErrInvalid},
		"torn":               {good[:len(good)/2], ErrInvalid},
		"two":                {good + good, ErrInvalid},
		"no newline":         {strings.TrimSpace(good), ErrNotCanonical},
		"two newlines":       {good + "\n", ErrNotCanonical},
		"space":              {replace(`:`, `: `), ErrNotCanonical},
		"byte order mark":    {"\ufeff" + good, ErrInvalid},
		"order of keys":      {replace(`"cluster":"prod","node":"cp-1"`, `"node":"cp-1","cluster":"prod"`), ErrNotCanonical},
		"order in a map":     {replace(`"Metadata":98000,"RequestResponse":765`, `"RequestResponse":765,"Metadata":98000`), ErrNotCanonical},
		"key twice":          {replace(`"seq":1`, `"seq":2,"seq":1`), ErrNotCanonical},
		"case of a key":      {replace(`"seq"`, `"Seq"`), ErrNotCanonical},
		"escape":             {replace(`"prod"`, `"\u0070rod"`), ErrNotCanonical},
		"invalid UTF-8":      {replace(`6f1e`, "6f\xff"), ErrNotCanonical},
		"lone surrogate":     {replace(`6f1e`, `\ud800`), ErrNotCanonical},
		"milliseconds":       {replace(`12:00:00.000000000Z`, `12:00:00.000Z`), ErrInvalid},
		"comma in the time":  {replace(`12:00:00.000000000Z`, `12:00:00,000000000Z`), ErrNotCanonical},
		"time zone":          {replace(`12:00:00.000000000Z`, `12:00:00.000000000+00:00`), ErrInvalid},
		"number as float":    {replace(`"seq":1`, `"seq":1.0`), ErrInvalid},
		"empty list":         {replace(`}],"check`, `}],"gaps":[],"check`), ErrNotCanonical},
		"missing field":      {replace(`"seq":1,`, ``), ErrInvalid},
		"missing zero field": {replace(`,"rows":98765`, ``), ErrNotCanonical},
		"no checkpoint":      {good[:strings.Index(good, `,"checkpoint"`)] + "}\n", ErrInvalid},
		"another's origin":   {replace(`auditsidecar/prod/cp-1`, `auditsidecar/prod/cp-2`), ErrInvalid},
		"a log's origin":     {replace(`auditsidecar/prod/cp-1`, `example.com/log`), ErrInvalid},
		"the first tree":     {replace(`auditsidecar/prod/cp-1`, `auditsidecar/prod/cp-1/1`), ErrInvalid},
		"another number":     {replace(`cp-1\n1\n`, `cp-1\n2\n`), ErrInvalid},
		"an extension":       {replace(`=\n\n"`, `=\nmore\n\n"`), ErrInvalid},
		"a short root":       {replace(`cp-1\n1\n`, `cp-1\n1\nAA`), ErrInvalid},
		"no blank line":      {replace(`=\n\n"`, `=\n"`), ErrInvalid},
		"an empty signature": {replace(`=\n\n"`, `=\n\n\n"`), ErrInvalid},
		"no signature":       {replace(`=\n\n"`, `=\n\nx\n"`), ErrInvalid},
		"another's key":      {replace(`=\n\n"`, `=\n\n— auditsidecar/prod/cp-2 AAAAAAA=\n"`), ErrInvalid},
		"two signatures":     {replace(`=\n\n"`, `=\n\n— auditsidecar/prod/cp-1 AAAAAAA=\n— auditsidecar/prod/cp-1 AAAAAAE=\n"`), ErrInvalid},
		"newer version":      {`{"version":2,"kind":{"is":"an object"}}`, ErrNewer},
		"version 0":          {replace(`"version":1`, `"version":0`), ErrInvalid},
		"no version":         {replace(`"version":1,`, ``), ErrInvalid},
		"version as text":    {replace(`"version":1`, `"version":"1"`), ErrInvalid},
		"newer kind":         {replace(`"kind":"file"`, `"kind":"alarm"`), ErrNewer},
		"no kind":            {replace(`"kind":"file",`, ``), ErrInvalid},
		"newer field":        {replace(`"}`+"\n", `","witness":"x"}`+"\n"), ErrNewer},
		"newer inner field":  {replace(`"finalNewline":true`, `"finalNewline":true,"treeHead":"x"`), ErrNewer},
		"too long":           {good + strings.Repeat(" ", MaxSize), ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode([]byte(c.data))
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if !reflect.DeepEqual(got, Record{}) {
				t.Errorf("a record comes with the error: %+v", got)
			}
		})
	}
	_, err := Decode([]byte(replace(`"}`+"\n", `","witness":"x"}`+"\n")))
	if err == nil || !strings.Contains(err.Error(), `"witness"`) {
		t.Errorf("%v does not name the field", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(sealed(f, fileRecord(1, noon)))
	f.Add(sealed(f, gapRecord(2, noon)))
	f.Add(sealed(f, redactedRecord(3)))
	f.Add(sealed(f, heartbeatRecord(4)))
	f.Add(sealed(f, setupRecord(5)))
	f.Add(sealedAfter(f, Tree{}, keyRecord(5, testKeyFrom(f, 2, 1)), testKey(f, 2)))
	f.Add([]byte(`{"version":2,"kind":"key"}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Decode(data)
		if err != nil {
			known := 0
			for _, want := range []error{ErrInvalid, ErrNewer, ErrNotCanonical} {
				if errors.Is(err, want) {
					known++
				}
			}
			if known != 1 {
				t.Fatalf("the error wraps %d of the three: %v", known, err)
			}
			return
		}
		again, err := Encode(r)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("decoded and encoded: %q, %v", again, err)
		}
		if !json.Valid(data) {
			t.Fatal("not JSON")
		}
	})
}

// FuzzEncode looks for text that does not survive.
func FuzzEncode(f *testing.F) {
	f.Add("audit.log", "Metadata", "detail", int64(5), int64(1<<60))
	f.Add("\xff", "\u2028", "<\\\">", int64(-1), int64(-1<<62))
	f.Fuzz(func(t *testing.T, name, level, detail string, n, at int64) {
		r := identified(fileRecord(1, time.Unix(0, at)))
		r.Checkpoint = firstCheckpoint
		r.Source.Name, r.Counts.Levels = name, map[string]int64{level: n}
		r.Gaps = []Gap{{Reason: continuity.ReasonNULHole, Bytes: n, Detail: detail}}
		data, err := Encode(r)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		got, err := Decode(data)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		valid := func(s string) string { return string([]rune(s)) } // U+FFFD for each byte that is not UTF-8
		r.Source.Name, r.Gaps[0].Detail = valid(name), valid(detail)
		r.Counts.Levels = map[string]int64{text(level): n}
		if !reflect.DeepEqual(got, r) {
			t.Fatalf("decoded %+v, want %+v", got, r)
		}
	})
}
