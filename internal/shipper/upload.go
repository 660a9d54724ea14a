package shipper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// ErrTaken is returned by a [Store] when the key holds other bytes.
var ErrTaken = errors.New("the key holds other bytes")

// ErrUnreadable is returned by a [Store] when the key is taken and may not be
// read, while an object under another key can be confirmed.
var ErrUnreadable = errors.New("the key is taken and may not be read")

// ErrWorkGone is returned by a [Store] when the file to be stored is not
// there, or is not the file that the ledger describes.
var ErrWorkGone = errors.New("the work file is gone or was changed")

const (
	// copiesAtOnce is how many copies of an object one pass stores at most.
	copiesAtOnce = 3
	// copyPause is how long an object waits after such a pass, doubled each
	// time up to copyPauseMax: each copy stays in the archive.
	copyPause    = time.Minute
	copyPauseMax = time.Hour
)

// copies tracks an object whose key holds other bytes. It is
// forgotten with the process, which then reads the keys from the first on again.
type copies struct {
	key   string // the next to try
	pause time.Duration
	until time.Time // no copy is stored before
	err   error     // of the last one
}

// uploader stores files under keys that are confirmed to hold them.
type uploader struct {
	*workspace
	copies map[string]*copies // by the first key
}

// put stores one file and returns the key that was confirmed to hold it: the
// given one, or that of a copy if it holds something else that ours does not
// accept (nil: accepts nothing). The file must be kept until then. name is its name in
// the alarm.
func (s *uploader) put(ctx context.Context, name, key, file string, size int64, sha256 string, ours func(key string) (bool, error)) (string, error) {
	c := s.copies[key]
	if c == nil {
		c = &copies{key: key}
	}
	if time.Now().Before(c.until) {
		return "", c.err
	}
	for range copiesAtOnce {
		err := s.cfg.Store.Put(ctx, c.key, file, size, sha256)
		differs := errors.Is(err, ErrTaken)
		if differs && ours != nil {
			accepted, oursErr := ours(c.key)
			if oursErr != nil && !errors.Is(oursErr, ErrTaken) {
				return "", oursErr
			}
			if accepted {
				err, differs = nil, false
			}
		}
		if err == nil {
			delete(s.copies, key)
			s.answered = time.Now()
			s.metrics.uploads.WithLabelValues("stored").Inc()
			s.metrics.storedBytes.Add(float64(size))
			return c.key, nil
		}
		s.metrics.uploads.WithLabelValues("failed").Inc()
		if !differs && !errors.Is(err, ErrUnreadable) {
			return "", err
		}
		s.storeCopy(c, key, name, differs, err)
	}
	c.pause = min(max(2*c.pause, copyPause), copyPauseMax)
	c.until = time.Now().Add(c.pause)
	return "", c.err
}

// storeCopy proceeds to the next key of an object and reports it.
func (s *uploader) storeCopy(c *copies, key, name string, differs bool, err error) {
	event, reason := "ALARM: the archive holds other bytes than were stored: storing a copy under another key", "differs"
	if !differs {
		event, reason = "a key is taken and may not be read: storing a copy under another key", "unreadable"
	}
	s.metrics.copies.WithLabelValues(reason).Inc()
	s.cfg.Events.File(event, ledger.Entry{Name: name, Objects: []ledger.Object{{Key: c.key}}, Reason: err.Error()})
	c.key, c.err = s.cfg.Keys.Copy(c.key), fmt.Errorf("no copy of %s is confirmed yet: %w", key, err)
	s.copies[key] = c
}
