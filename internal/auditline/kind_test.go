package auditline

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// idsOf returns the auditIDs of the events in a line.
func idsOf(line []byte) (ids []string) {
	var d Decoder
	var e Event
	what, parts := d.Line(line, &e)
	if what != Undecodable {
		ids = append(ids, string(e.Text(AuditID)))
	}
	for _, part := range parts[min(1, len(parts)):] {
		d.Line(line[part.From:part.To], &e)
		ids = append(ids, string(e.Text(AuditID)))
	}
	return ids
}

func TestEventsOfOtherForms(t *testing.T) {
	for _, form := range audittest.Forms() {
		t.Run(form.Name, func(t *testing.T) {
			if ids := idsOf([]byte(form.Line)); !slices.Equal(ids, form.IDs) {
				t.Errorf("events %q, want %q", ids, form.IDs)
			}
		})
	}
}

// An event of v1beta1 has its times to the second, in members that v1 lacks.
func TestTimesOfV1beta1(t *testing.T) {
	const head, stage, second = `{"kind":"Event","apiVersion":"audit.k8s.io/v1beta1"`, "2018-10-26T13:38:34Z", "2018-10-26T13:38:33Z"
	const micro = "2018-10-26T13:38:34.902914Z"
	for name, c := range map[string]struct{ members, received, stage string }{
		"both":             {`,"metadata":{"creationTimestamp":"` + stage + `"},"timestamp":"` + second + `"`, second, stage},
		"timestamp only":   {`,"timestamp":"` + second + `"`, second, second},
		"no creation time": {`,"metadata":{"creationTimestamp":null},"timestamp":"` + second + `"`, second, second},
		"newer ones count": {`,"timestamp":"` + second + `","metadata":{"creationTimestamp":"` + second + `"},"requestReceivedTimestamp":"` + micro + `","stageTimestamp":"` + micro + `"`, micro, micro},
		"one newer":        {`,"timestamp":"` + second + `","stageTimestamp":"` + micro + `"`, second, micro},
		"none":             {"", "", ""},
		"no time":          {`,"timestamp":5,"metadata":"x"`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var d Decoder
			var e Event
			if what, _ := d.Line([]byte(head+c.members+"}"), &e); what != Irregular {
				t.Fatalf("the line is %d", what)
			}
			for f, want := range map[Field]string{RequestReceived: c.received, StageTimestamp: c.stage} {
				us, ok := e.Int(f)
				if at, err := time.Parse(time.RFC3339Nano, want); ok != (err == nil) || ok && at.UnixMicro() != us {
					t.Errorf("field %d: %d %v, want %q", f, us, ok, want)
				}
			}
		})
	}
}

// FuzzEvents looks for events in any bytes: they stand in their order, within the line, and each is JSON.
func FuzzEvents(f *testing.F) {
	for _, form := range audittest.Forms() {
		f.Add([]byte(form.Line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var w Walker
		at := 0
		for part := range w.Events(line) {
			if part.From < at || part.To <= part.From || part.To > len(line) || !json.Valid(line[part.From:part.To]) {
				t.Fatalf("%+v behind %d in %q", part, at, line)
			}
			at = part.To
		}
	})
}
