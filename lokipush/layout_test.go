package lokipush

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// scanned returns what the general scan finds in a line.
func scanned(line []byte) (Fields, error) {
	var f Fields
	err := f.scan(line)
	return found(f), err
}

// found is what was read from a line, without the memory that goes on to the next one.
func found(f Fields) Fields {
	f.scratch, f.users, f.minute, f.plain = nil, nil, minute{}, false
	return f
}

// isPlain says whether no value of an entry with these fields would be clipped.
func isPlain(f Fields) bool {
	for _, v := range [][]byte{f.User, f.Verb, f.Resource, f.Subresource, f.Namespace, f.Name, f.Code, f.Stage, f.Level, f.AuditID} {
		if !bytes.Equal(v, clipValue(v)) {
			return false
		}
	}
	return true
}

// Every line of a real log has the layout, and it gives what the general scan gives.
func TestLayoutOfRealLines(t *testing.T) {
	for _, name := range []string{"diverse.log", "rotated.log"} {
		n, plain := 0, 0
		var f Fields
		for line := range bytes.Lines(audittest.Corpus(t, name)) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			f = Fields{users: f.users, minute: f.minute}
			if !f.readLayout(line) {
				t.Fatalf("%s: not in the layout: %.500s", name, line)
			}
			want, err := scanned(line)
			if got := found(f); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: %+v\nwant %+v, %v\n%.500s", name, got, want, err, line)
			}
			if f.plain && !isPlain(f) {
				t.Fatalf("%s: not plain: %+v", name, f)
			}
			if n++; f.plain {
				plain++
			}
		}
		if n < 300 || plain < n*95/100 {
			t.Errorf("%s: %d lines, of which %d are plain", name, n, plain)
		}
	}
}

// whole is a line with every member that an event can have.
const whole = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"a-1","stage":"ResponseComplete",` +
	`"requestURI":"/a?b=\"c\\","verb":"create","user":{"username":"al\u00efce","groups":["a","b"],"extra":{"objectRef":["x"]}},` +
	`"impersonatedUser":{"username":"bob"},"authenticationMetadata":{"impersonationConstraint":"x"},"sourceIPs":["::1"],"userAgent":"a\"b",` +
	`"objectRef":{"resource":"pods","namespace":"n","name":"p","uid":"u","apiGroup":"g","apiVersion":"v1","resourceVersion":"7","subresource":"exec"},` +
	`"responseStatus":{"metadata":{},"status":"Failure","code":404},` +
	`"requestObject":{"stageTimestamp":"2001-01-01T00:00:00.000000Z","annotations":{"a":"b"}},` +
	`"responseObject":{"a":{"requestReceivedTimestamp":"2001-01-01T00:00:00.000000Z","stageTimestamp":"2001-01-01T00:00:00.000000Z","annotations":{"a":"b"}}},` +
	`"requestReceivedTimestamp":"2026-11-22T10:00:00.000001Z","stageTimestamp":"2026-11-22T10:00:00.123456Z",` +
	`"annotations":{"a":"\",\"annotations\":{\"","b":"c"}}`

func TestLayout(t *testing.T) {
	cut := func(line string, parts ...string) string {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				t.Fatalf("no %q", part)
			}
			line = strings.Replace(line, part, "", 1)
		}
		return line
	}
	annotations := `,"annotations":{"a":"\",\"annotations\":{\"","b":"c"}`
	for name, c := range map[string]struct {
		line string
		fits bool
	}{
		"whole":             {whole, true},
		"no annotations":    {cut(whole, annotations), true},
		"no objects":        {whole[:strings.Index(whole, `,"requestObject"`)] + whole[strings.LastIndex(whole, `,"requestReceived`):], true},
		"empty user":        {strings.Replace(whole, `{"username":"al\u00efce","groups":["a","b"],"extra":{"objectRef":["x"]}}`, `{}`, 1), true},
		"user by groups":    {cut(whole, `"username":"al\u00efce",`), true},
		"no agent":          {cut(whole, `,"userAgent":"a\"b"`, `,"sourceIPs":["::1"]`, `,"impersonatedUser":{"username":"bob"}`), true},
		"plain status":      {cut(whole, `,"status":"Failure"`), true},
		"no status":         {cut(whole, `,"responseStatus":{"metadata":{},"status":"Failure","code":404}`), true},
		"array as object":   {strings.Replace(whole, `"requestObject":{`, `"requestObject":[{"a":1}],"x":{`, 1), true},
		"another order":     {strings.Replace(cut(whole, `"kind":"Event",`), `"annotations"`, `"kind":"Event","annotations"`, 1), false},
		"white space":       {strings.Replace(whole, `,"verb"`, `, "verb"`, 1), false},
		"new member":        {strings.Replace(whole, `,"verb"`, `,"new":1,"verb"`, 1), false},
		"new in objectRef":  {strings.Replace(whole, `"uid":"u"`, `"new":"u"`, 1), false},
		"nanoseconds":       {strings.ReplaceAll(whole, `00.123456Z`, `00.123456789Z`), false},
		"zone":              {strings.ReplaceAll(whole, `00.123456Z`, `00.12345+01`), false},
		"no such day":       {strings.ReplaceAll(whole, `2026-11-22T10:00:00.123456Z`, `2026-02-30T10:00:00.123456Z`), false},
		"stage not a time":  {strings.ReplaceAll(whole, `2026-11-22T10:00:00.123456Z`, `2026x11-22T10:00:00.123456Z`), false},
		"member at the end": {whole[:len(whole)-1] + `,"new":1}`, false},
		"user is a string":  {strings.Replace(whole, `{"username":"al\u00efce","groups":["a","b"],"extra":{"objectRef":["x"]}}`, `"me"`, 1), false},
		"code with a sign":  {strings.Replace(whole, `"status":"Failure","code":404`, `"code":-1`, 1), true},
		"code in details":   {strings.Replace(whole, `"code":404`, `"details":{"code":404}`, 1), true},
		"code is long":      {strings.Replace(whole, `"code":404`, `"code":12345678901`, 1), true},
		"code is a text":    {strings.Replace(whole, `"code":404`, `"code":"404"`, 1), true},
	} {
		if !json.Valid([]byte(c.line)) {
			t.Errorf("%s: a test line is no JSON: %s", name, c.line)
		}
		var f Fields
		fits := f.readLayout([]byte(c.line))
		want, err := scanned([]byte(c.line))
		if got := found(f); fits != c.fits || fits && !reflect.DeepEqual(got, want) || err != nil {
			t.Errorf("%s: fits %v, %v\ngot  %+v\nwant %+v", name, fits, err, f, want)
		}
	}
}

// A torn line is not in the layout, at whatever byte it ends.
func TestLayoutOfTornLines(t *testing.T) {
	for n := range len(whole) {
		var f Fields
		if f.readLayout([]byte(whole[:n])) {
			t.Errorf("the first %d bytes fit: %s", n, whole[:n])
		}
	}
}

func TestMicroTime(t *testing.T) {
	var known minute
	for text, ok := range map[string]bool{
		"2026-11-22T10:00:00.123456Z":             true,
		"0000-01-01T00:00:00.000000Z":             true,
		"2024-02-29T23:59:59.999999Z":             true,
		"2026-02-29T23:59:59.999999Z":             false,
		"2026-00-22T10:00:00.123456Z":             false,
		"2026-13-22T10:00:00.123456Z":             false,
		"2026-11-00T10:00:00.123456Z":             false,
		"2026-11-22T24:00:00.123456Z":             false,
		"2026-11-22T10:60:00.123456Z":             false,
		"2026-11-22T10:00:60.123456Z":             false,
		"2026-11-22T10:00:00,123456Z":             false,
		"2026-11-22T10:00:00.12345xZ":             false,
		"2026-11-22T10:00:0x.123456Z":             false,
		"2026-1x-22T10:00:00.123456Z":             false,
		strings.Repeat("\x00", 17) + "00.000000Z": false,
	} {
		want, err := time.Parse("2006-01-02T15:04:05.000000Z07:00", text)
		for _, m := range []*minute{new(minute), &known, &known} {
			if got, fits := m.time([]byte(text)); fits != ok || ok && (err != nil || !got.Equal(want)) {
				t.Errorf("%q: %s, %v", text, got, fits)
			}
		}
	}
}

// FuzzLayout: whatever fits the layout and is JSON gives what the general scan gives, unless members
// are repeated or, behind the objects that are not looked at, out of order.
func FuzzLayout(f *testing.F) {
	f.Add([]byte(whole))
	line, _, _ := bytes.Cut(audittest.Corpus(f, "diverse.log"), []byte("\n"))
	f.Add(line)
	f.Fuzz(func(t *testing.T, line []byte) {
		var first Fields
		if !first.readLayout(line) || !json.Valid(line) || !ordered(line) {
			return
		}
		want, err := scanned(line)
		second := Fields{users: first.users, minute: first.minute} // knows the user and the minute
		second.readLayout(line)
		for _, f := range []Fields{first, second} {
			if got := found(f); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v, %v", got, want, err)
			}
			if f.plain && !isPlain(f) {
				t.Errorf("not plain: %+v", f)
			}
		}
	})
}

// ordered reports a line whose members are an event's, in its order, and not repeated.
func ordered(line []byte) bool {
	order := []string{"kind", "apiVersion", "level", "auditID", "stage", "requestURI", "verb", "user", "impersonatedUser",
		"authenticationMetadata", "sourceIPs", "userAgent", "objectRef", "responseStatus", "requestObject", "responseObject",
		"requestReceivedTimestamp", "stageTimestamp", "annotations"}
	last := -1
	o := openObject(line)
	for m, ok := o.member(); ok; m, ok = o.member() {
		at := slices.Index(order, string(keyText(m.key)))
		if at <= last {
			return false
		}
		last = at
		if key := order[at]; (key == "user" || key == "objectRef" || key == "responseStatus") && repeats(m.value) {
			return false
		}
	}
	return true
}

// repeats reports an object in which a key stands twice.
func repeats(text []byte) bool {
	seen := map[string]bool{}
	o := openObject(text)
	for m, ok := o.member(); ok; m, ok = o.member() {
		key := string(keyText(m.key))
		if seen[key] {
			return true
		}
		seen[key] = true
	}
	return false
}
