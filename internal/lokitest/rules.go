package lokitest

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Limits of Loki 3.7's default configuration.
const (
	DefaultMaxLine    = 256 << 10
	DefaultMaxRequest = 4 << 20

	maxLabels        = 15
	maxMetadataPairs = 128
	maxMetadataBytes = 64 << 10
)

// admit applies Loki's rules to one decoded push: it stores the entries that Loki would store and answers as
// Loki would.
func (r *Receiver) admit(streams []Stream) reply {
	entries := 0
	for _, s := range streams {
		entries += len(s.Entries)
	}
	if entries == 0 {
		return text(http.StatusUnprocessableEntity, "error at least one valid stream is required for ingestion\n")
	}
	var refusal error // with several streams Loki answers with the last one's error
	for _, s := range streams {
		if err := checkLabels(s.Labels); err != nil {
			refusal = err
			continue
		}
		kept := make([]Entry, 0, len(s.Entries))
		for _, e := range s.Entries {
			if err := r.checkEntry(s.Labels, e); err != nil {
				refusal = err
				continue
			}
			kept = append(kept, e)
		}
		kept, behind := r.window(s.Labels, kept)
		if behind != nil {
			refusal = behind
		}
		r.store.add(s.Labels, kept)
	}
	if refusal != nil {
		return text(http.StatusBadRequest, refusal.Error()+"\n")
	}
	return reply{status: http.StatusNoContent}
}

func (r *Receiver) checkEntry(labels string, e Entry) error {
	size := 0
	for _, p := range e.Metadata {
		size += len(p.Name) + len(p.Value)
	}
	now := time.Now()
	switch {
	case r.cfg.MaxLine > 0 && len(e.Line) > r.cfg.MaxLine:
		return fmt.Errorf("Max entry size '%d' bytes exceeded for stream '%s' while adding an entry with length '%d' bytes", r.cfg.MaxLine, labels, len(e.Line))
	case r.cfg.MaxAge > 0 && e.Timestamp.Before(now.Add(-r.cfg.MaxAge)):
		return fmt.Errorf("entry for stream '%s' has timestamp too old: %s, oldest acceptable timestamp is: %s", labels, e.Timestamp.Format(time.RFC3339), now.Add(-r.cfg.MaxAge).UTC().Format(time.RFC3339))
	case r.cfg.MaxAhead > 0 && e.Timestamp.After(now.Add(r.cfg.MaxAhead)):
		return fmt.Errorf("entry for stream '%s' has timestamp too new: %s", labels, e.Timestamp.Format(time.RFC3339))
	case len(e.Metadata) > maxMetadataPairs:
		return fmt.Errorf("stream '%s' has too many structured metadata labels: '%d', limit: '%d'", labels, len(e.Metadata), maxMetadataPairs)
	case size > maxMetadataBytes:
		return fmt.Errorf("stream '%s' has structured metadata too large: '%d' bytes, limit: '%d' bytes", labels, size, maxMetadataBytes)
	}
	if r.cfg.Refuse != nil {
		if why := r.cfg.Refuse(e.Line); why != "" {
			return errors.New(why)
		}
	}
	return nil
}

// window takes the entries out that are too far behind the newest one of their stream, as the
// ingester does: one after the other, each moving the window on.
func (r *Receiver) window(labels string, entries []Entry) (kept []Entry, refusal error) {
	if r.cfg.MaxBehind == 0 {
		return entries, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var words strings.Builder
	refused := 0
	for _, e := range entries {
		cutoff := r.newest[labels].Add(-r.cfg.MaxBehind)
		if e.Timestamp.Before(cutoff) {
			fmt.Fprintf(&words, "entry with timestamp %s ignored, reason: 'entry too far behind, entry timestamp is: %s, oldest acceptable timestamp is: %s',\n",
				e.Timestamp, e.Timestamp.Format(time.RFC3339), cutoff.UTC().Format(time.RFC3339))
			refused++
			continue
		}
		if e.Timestamp.After(r.newest[labels]) {
			r.newest[labels] = e.Timestamp
		}
		kept = append(kept, e)
	}
	if refused > 0 {
		refusal = fmt.Errorf("%suser 'fake', total ignored: %d out of %d for stream: %s", words.String(), refused, len(entries), labels)
	}
	return kept, refusal
}

// checkLabels refuses a stream as a whole, as Loki does.
func checkLabels(labels string) error {
	parsed, err := ParseLabels(labels)
	switch {
	case err != nil:
		return fmt.Errorf("Error parsing labels '%s' with error: %w", labels, err)
	case len(parsed) == 0:
		return errors.New("error at least one label pair is required per stream")
	case len(parsed) > maxLabels:
		return fmt.Errorf("entry for stream '%s' has %d label names; limit %d", labels, len(parsed), maxLabels)
	}
	return nil
}

// ParseLabels reads the labels of a stream: {cluster="c", job="audit"}.
func ParseLabels(text string) (map[string]string, error) {
	inner, open := strings.CutPrefix(strings.TrimSpace(text), "{")
	inner, closed := strings.CutSuffix(inner, "}")
	if !open || !closed {
		return nil, errors.New("parse labels: no braces")
	}
	labels := map[string]string{}
	head := regexp.MustCompile(`^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*`)
	for rest := inner; strings.TrimSpace(rest) != ""; {
		match := head.FindStringSubmatch(rest)
		if match == nil {
			return nil, fmt.Errorf("parse labels: no name at %q", rest)
		}
		quoted, err := strconv.QuotedPrefix(rest[len(match[0]):])
		if err != nil {
			return nil, fmt.Errorf("parse labels: value of %s: %w", match[1], err)
		}
		if _, twice := labels[match[1]]; twice {
			return nil, fmt.Errorf("parse labels: duplicate label name %s", match[1])
		}
		labels[match[1]], _ = strconv.Unquote(quoted)
		rest = strings.TrimSpace(rest[len(match[0])+len(quoted):])
		if rest != "" && !strings.HasPrefix(rest, ",") {
			return nil, fmt.Errorf("parse labels: no comma at %q", rest)
		}
		rest = strings.TrimPrefix(rest, ",")
	}
	return labels, nil
}
