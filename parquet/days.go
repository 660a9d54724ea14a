package parquet

import (
	"maps"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
)

// Broken clocks and made up timestamps must not make thousands of objects: a row
// of a day that is more than maxDays before the day of rotation, or later than
// the day after it, goes to the day of rotation.
const maxDays = 400 // a year and a month

// dayBook assigns rows to days and counts them.
type dayBook struct {
	split    bool
	rotation int32 // its day; that of the first timestamp if it is unknown
	dated    bool  // rotation is set
	strays   int64 // rows of other days under the day of rotation
	last     int32 // day of the previous row
	rows     map[int32]int64
	min, max int64 // stage timestamps, µs since 1970; min > max without any
}

func newDayBook(rotated time.Time, split bool) *dayBook {
	b := &dayBook{split: split, rows: map[int32]int64{}, min: 1}
	if split && !rotated.IsZero() {
		b.rotation, b.dated = int32(dayOf(rotated.UnixMicro())), true
	}
	b.last = b.rotation
	return b
}

// countRow counts a row and returns its day.
func (b *dayBook) countRow(us int64) int32 {
	day := b.last
	if us != rowsort.NoTime {
		if b.min > b.max {
			b.min, b.max = us, us
		}
		b.min, b.max = min(b.min, us), max(b.max, us)
		if b.split {
			day = b.dayOf(us)
		}
	}
	b.last = day
	b.rows[day]++
	return day
}

// dayOf returns the day of a timestamp, or the day of rotation.
func (b *dayBook) dayOf(us int64) int32 {
	day := int32(dayOf(us))
	if !b.dated {
		b.rotation, b.dated = day, true
	}
	if day < b.rotation-maxDays || day > b.rotation+1 {
		b.strays++
		return b.rotation
	}
	return day
}

// days returns the days in order, as they are listed in metadata. A source
// without lines has one object all the same.
func (b *dayBook) days() []DayRows {
	if len(b.rows) == 0 {
		return []DayRows{{Day: b.name(b.rotation)}}
	}
	var days []DayRows
	for _, d := range slices.Sorted(maps.Keys(b.rows)) {
		days = append(days, DayRows{Day: b.name(d), Rows: b.rows[d]})
	}
	return days
}

func (b *dayBook) name(day int32) string {
	if !b.split {
		return ""
	}
	return dayText(int64(day))
}

// span returns the least and greatest timestamp.
func (b *dayBook) span() (first, last time.Time) {
	if b.min > b.max {
		return first, last
	}
	return time.UnixMicro(b.min).UTC(), time.UnixMicro(b.max).UTC()
}

// dayOf returns the UTC day of a timestamp, as days since 1970.
func dayOf(us int64) int64 {
	const day = 24 * 60 * 60 * 1_000_000
	if us < 0 {
		us -= day - 1
	}
	return us / day
}

// dayText returns a day as 2006-01-02.
func dayText(day int64) string { return time.Unix(day*24*60*60, 0).UTC().Format(time.DateOnly) }
