package sidecar

import (
	"errors"
	"fmt"
	"maps"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/hold"
	"github.com/auditsidecar/auditsidecar/internal/live"
)

// newLive wires the stream to Loki.
func (s *Sidecar) newLive(h *hold.Hold, st *state, writes <-chan struct{}) (*live.Live, error) {
	settings := &s.Settings.Loki
	client, err := settings.Client(s.Version)
	if err != nil {
		return nil, err
	}
	var replace func(dst, line []byte, e *auditline.Event) ([]byte, bool)
	if r := st.redaction.redactor(); r != nil {
		replace = r.Decoded
	}
	return live.New(live.Config{
		Source: h, Poke: writes, Client: client,
		Labels: lokiLabels(settings, s.Settings.Identity), EventLabels: settings.EventLabels,
		Redact: replace, MaxLineBytes: settings.MaxLineBytes, BatchWait: settings.BatchWait,
		Window: live.Window{MaxAge: settings.MaxAge, MaxAhead: settings.MaxAhead},
		Ledger: st.ledger, CursorFile: st.cursorFile, Cursor: st.cursor,
		// One whose cursor was lost resumes with the oldest line: to skip to the end
		// would lose lines that exist nowhere else, and hide lines that Loki has already.
		FromEnd: settings.Start == config.StartNow && !st.streamed,
		Events:  streamEvents{s.events, h}, Registry: s.registry,
	})
}

// lokiLabels are the labels of every line.
func lokiLabels(settings *config.Loki, identity config.Identity) map[string]string {
	labels := map[string]string{"job": "audit"}
	static, _ := settings.StaticLabels() // validated before
	maps.Copy(labels, static)
	labels["cluster"], labels["node"] = identity.Cluster, identity.Node
	return labels
}

// validLoki checks values that only the users of the settings can check.
func validLoki(settings *config.Loki, identity config.Identity) error {
	_, err := settings.HTTPClient()
	if identity.Validate() != nil {
		return err // reported as the identity's own
	}
	if labels := live.CheckLabels(lokiLabels(settings, identity), settings.EventLabels); labels != nil {
		err = errors.Join(err, fmt.Errorf("--loki-label, --loki-event-label: %w", labels))
	}
	return err
}
