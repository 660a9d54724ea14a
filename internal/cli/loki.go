package cli

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/hold"
	"github.com/auditsidecar/auditsidecar/internal/live"
	"github.com/auditsidecar/auditsidecar/lokipush"
)

// newLive wires the stream to Loki.
func (s *sidecar) newLive(h *hold.Hold, st *state, writes <-chan struct{}) (*live.Live, error) {
	settings := &s.settings.Loki
	client, err := newLokiClient(settings, s.version)
	if err != nil {
		return nil, err
	}
	var replace func(dst, line []byte) ([]byte, bool)
	if r := st.redaction.redactor(); r != nil {
		replace = r.Line
	}
	return live.New(live.Config{
		Source: h, Poke: writes, Client: client,
		Labels: lokiLabels(settings, s.settings.Identity), EventLabels: settings.EventLabels,
		Redact: replace, MaxLineBytes: settings.MaxLineBytes, BatchWait: settings.BatchWait,
		Window: live.Window{MaxAge: settings.MaxAge, MaxAhead: settings.MaxAhead},
		Ledger: st.ledger, CursorFile: st.cursorFile, Cursor: st.cursor, Start: lokiStart(settings, st), Released: h.Wake,
		Observe: s.stream.Observe, Note: s.noteStream, Registry: s.registry,
	})
}

func newLokiClient(settings *config.Loki, version string) (*lokipush.Client, error) {
	httpClient, err := settings.HTTPClient()
	if err != nil {
		return nil, &usageError{err}
	}
	client, err := lokipush.New(lokipush.Config{
		URL: settings.URL, TenantID: settings.Tenant, HTTPClient: httpClient, UserAgent: "auditsidecar/" + version,
	})
	if err != nil {
		return nil, &usageError{fmt.Errorf("--loki-url: %w", err)}
	}
	return client, nil
}

// lokiStart is where a log is begun that has no cursor. One whose cursor was
// lost goes on with the oldest line: to skip to the end would lose lines that
// nobody has, and what Loki has already it hides.
func lokiStart(settings *config.Loki, st *state) live.Start {
	if settings.Start == config.StartNow && !st.streamed {
		return live.StartNow
	}
	return live.StartOldest
}

// lokiLabels are the labels of every line.
func lokiLabels(settings *config.Loki, identity config.Identity) map[string]string {
	labels := map[string]string{"job": "audit"}
	static, _ := settings.StaticLabels() // validated before
	maps.Copy(labels, static)
	labels["cluster"], labels["node"] = identity.Cluster, identity.Node
	return labels
}

// validLoki checks what only those who use the settings know to be valid.
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

// noteStream logs what became of lines. A Loki that refuses a line of every
// push would fill the log: what is of one kind is told once a minute.
func (s *sidecar) noteStream(event string, err error) {
	if left, ok := s.repeats.allow(event, time.Now()); ok {
		line := s.log.Warn().Err(err)
		if left > 0 {
			line = line.Int("leftOut", left)
		}
		line.Msg("loki: " + event)
	}
}
