package live

import "time"

// stamper gives every line the timestamp of its entry: its stageTimestamp,
// or its predecessor's where it has none. last is kept in the cursor, so that
// a line sent again after a restart has the same one.
type stamper struct {
	last time.Time
}

// peek returns the timestamp of a line without taking it as the last one.
func (s *stamper) peek(stage time.Time) time.Time {
	if !stage.IsZero() {
		return stage
	}
	if s.last.IsZero() {
		// Nothing to go by: the very first line has no timestamp.
		return time.Now().UTC()
	}
	return s.last
}
