// Package factstest reduces a log to the fields that labels, metadata and alerts are made of. It stands
// beside package audittest, which the tests of auditline use.
package factstest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// Of returns the fields that labels, metadata and alerts are made of, of each line of a log, sorted
// and each once: two versions that write the same facts fire the same alerts.
func Of(log []byte) []string {
	var d auditline.Decoder
	var e auditline.Event
	facts := map[string]bool{}
	for line := range bytes.Lines(log) {
		e.Release()
		d.Line(bytes.TrimSuffix(line, []byte("\n")), &e)
		code, _ := e.Int(auditline.ResponseCode)
		notes := e.Map(auditline.AnnotationKey)
		text := fmt.Sprintf("code=%d", code)
		for _, f := range [...]auditline.Field{
			auditline.Level, auditline.Stage, auditline.Verb, auditline.UserName, auditline.ImpersonatedName, auditline.UserAgent,
			auditline.ObjectAPIGroup, auditline.ObjectResource, auditline.ObjectSubresource, auditline.ObjectNamespace, auditline.ResponseReason,
		} {
			text += fmt.Sprintf(" %s", e.Text(f))
		}
		for i, key := range notes.Keys {
			if string(key) == "authorization.k8s.io/decision" {
				text += fmt.Sprintf(" %s", notes.ValuesOf(i))
			}
		}
		text += fmt.Sprintf(" bodies=%v/%v", e.Text(auditline.RequestObject) != nil, e.Text(auditline.ResponseObject) != nil)
		facts[text] = true
	}
	return slices.Sorted(maps.Keys(facts))
}
