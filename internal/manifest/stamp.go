package manifest

import (
	"encoding/json"
	"fmt"
	"time"
)

// stampLayout has always nine digits, so that a time has one encoding.
const stampLayout = "2006-01-02T15:04:05.000000000Z"

// Stamp is a time as records hold it: UTC, in nanoseconds, encoded with all
// nine digits. The zero Stamp means unknown and is left out.
type Stamp struct{ time.Time }

// At returns t as a Stamp: in UTC, without the monotonic clock.
func At(t time.Time) Stamp { return Stamp{t.UTC().Round(0)} }

// MarshalJSON encodes the time. One outside the years 0 to 9999 is an error.
func (s Stamp) MarshalJSON() ([]byte, error) {
	t := s.UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		return nil, fmt.Errorf("encode time: the year %d is not in 0 to 9999: %w", y, ErrInvalid)
	}
	return t.AppendFormat(nil, `"`+stampLayout+`"`), nil
}

// UnmarshalJSON decodes the output of MarshalJSON.
func (s *Stamp) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("decode time: %w", err)
	}
	t, err := time.Parse(stampLayout, text)
	if err != nil {
		return fmt.Errorf("decode time: %w", err)
	}
	*s = At(t)
	return nil
}
