package live

import (
	"slices"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/internal/redact"
)

// The first event of every form gives the entry its metadata and its time, redacted or not.
func TestOtherFormsHaveMetadata(t *testing.T) {
	policy, err := redact.NewPolicy(redact.Config{})
	if err != nil {
		t.Fatal(err)
	}
	redactor := redact.New(policy, redact.Key{1, 2})
	for _, form := range audittest.Forms() {
		for name, edit := range map[string]func(dst, line []byte, e *auditline.Event) ([]byte, bool){"as it is": nil, "redacted": redactor.Decoded} {
			t.Run(form.Name+"/"+name, func(t *testing.T) {
				s := newStage(t, lokitest.Config{})
				s.edit = func(cfg *Config) { cfg.Redact = edit }
				s.add("0", audittest.FullLine+form.Line+"\n")
				s.start()
				s.sync()
				got := s.loki.Entries()[1]
				id, want := "", slices.Concat(form.IDs, []string{""})[0]
				for _, pair := range got.Metadata {
					if pair.Name == "audit_id" {
						id = pair.Value
					}
				}
				if id != want {
					t.Errorf("audit_id %q, want %q", id, want)
				}
				if before, _ := time.Parse(time.RFC3339Nano, "2026-11-22T16:59:23.525775Z"); got.Timestamp.Equal(before) == (len(form.IDs) > 0) {
					t.Errorf("the time is %v", got.Timestamp)
				}
			})
		}
	}
}
