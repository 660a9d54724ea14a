package redact

import (
	"strings"
	"testing"
)

// Events that hold a secret, the first one torn at every byte, the others at
// every fourth, alone and glued to
// others, begun at every byte, and with a hole: the secret never survives, and
// a whole event in the line does.
func TestTorn(t *testing.T) {
	r := newTest(t, Config{})
	const secret = "hunter2-and-more"
	plain := event("pods", "get", "")
	step := 1
	if testing.Short() {
		step = 3
	}
	for i, planting := range plantings {
		whole := strings.NewReplacer("KEY", "k", "SECRET", secret).Replace(planting)
		redacted, changed := r.Line(nil, []byte(whole))
		if !changed {
			t.Fatalf("nothing was replaced in %s", whole)
		}
		for cut := 1; cut < len(whole); cut += step * (1 + 3*min(i, 1)) {
			head, tail := whole[:cut], whole[cut:]
			for _, line := range []struct{ text, has string }{
				{head, ""}, {tail, ""}, {tail + plain, plain}, {head + plain, plain}, {head + whole, string(redacted)}, {plain + head, plain},
				{head + "\x00\x00\x00" + plain, "\x00" + plain}, {head + plain + whole, plain + string(redacted)}, {"\x00" + whole + head, "\x00" + string(redacted)},
				{plain + "\x00\x00" + tail, plain + "\x00\x00"}, {plain[:cut%len(plain)] + "\x00" + tail, ""}, {plain + "\x00" + tail + plain, plain},
			} {
				out, _ := r.Line(nil, []byte(line.text))
				if strings.Contains(string(out), secret[:8]) {
					t.Fatalf("torn at %d: of %s\nstays %s", cut, line.text, out)
				}
				if !strings.Contains(string(out), line.has) {
					t.Fatalf("torn at %d: of %s\n%s is not in\n%s", cut, line.text, line.has, out)
				}
			}
		}
	}
}

// markedBare is marked for a value that becomes a marker without quotes.
func markedBare(r *Redactor, text string) (line, want string) {
	for {
		before, rest, found := strings.Cut(text, "‹")
		line, want = line+before, want+before
		if !found {
			return line, want
		}
		var value string
		value, text, _ = strings.Cut(rest, "›")
		line, want = line+value, want+strings.Trim(marker(r, value), `"`)
	}
}

// The kept and the replaced parts of a torn line.
func TestTornLine(t *testing.T) {
	r := newTest(t, Config{})
	whole := event("pods", "create", `"requestObject":{"a":1}`)
	head, _, _ := strings.Cut(whole, `,"responseStatus"`)
	secret := strings.Replace(head, `"pods"`, `"secrets"`, 1)
	for name, text := range map[string]string{
		"without a body":      head,
		"with a status":       head + `‹,"responseStatus":{"metadata":{},"code":200},"stageTim›`,
		"with one of concern": secret + `‹,"responseStatus":{},"requestObject":{"data"›`,
		"and an event":        secret + `‹,"requestObject":›` + whole,
		"no beginning":        `‹:"b"}}›` + whole + "\x00\x00" + `‹x›` + whole,
		"text":                "‹panic: runtime error›",
		"NULs":                "\x00\x00\x00",
		"NULs and an event":   "\x00\x00" + whole,
		"a URI":               strings.Replace(secret, `"requestURI":"`, `"requestURI":"/x?token=‹abc›\u0026b=`, 1) + `‹,"requestObject":{›`,
		"an event and NULs":   whole + "\x00\x00",
		"an event and an end": whole + "\x00\x00" + `‹":"b"}}}›`,
		"a URI with quotes":   strings.Replace(secret, `"requestURI":"`, `"requestURI":"/x?a=\"b\"\u0026token=‹abc›\u0026b=`, 1) + `‹,"requestObject":{›`,
		"a torn URI":          secret[:strings.Index(secret, `,"requestURI":"`)] + `‹,"requestURI":"/x?token=abc›`,
	} {
		t.Run(name, func(t *testing.T) {
			line, want := markedBare(r, text)
			if out, _ := r.Line(nil, []byte(line)); string(out) != want {
				t.Errorf("got  %s\nwant %s", out, want)
			}
		})
	}
}
