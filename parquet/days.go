package parquet

import (
	"maps"
	"slices"
	"time"
)

// Broken clocks and made up timestamps must not make thousands of objects: the
// rows of further days go to the day of rotation.
const (
	// maxDays is how many objects one source may be split into by its
	// timestamps, beside that of the day of rotation: a year and a month.
	maxDays = 400
	// maxLaterDays is how many of them may be of days after the one that follows
	// the rotation, which no right clock writes.
	maxLaterDays = 64
)

// dayBook assigns rows to days and counts them.
type dayBook struct {
	split    bool
	fallback int32 // the day of rotation
	dated    bool  // it is known
	later    int   // days after the one that follows it, in rows
	strays   int64 // rows of days beyond maxDays
	last     int32 // of the previous row
	more     int64 // rows of that day that are not in rows yet
	rows     map[int32]int64
	min, max int64 // stage timestamps, µs since 1970; min > max where there are none
}

func newDayBook(rotated time.Time, split bool) *dayBook {
	b := &dayBook{split: split, rows: map[int32]int64{}, min: 1}
	if split && !rotated.IsZero() {
		b.fallback, b.dated = int32(dayOf(rotated.UnixMicro())), true
	}
	b.last = b.fallback
	return b
}

// place counts a row and returns its day.
func (b *dayBook) place(us int64) int32 {
	day := b.last
	if us != noTime {
		if b.min > b.max {
			b.min, b.max = us, us
		}
		b.min, b.max = min(b.min, us), max(b.max, us)
		if b.split {
			day = int32(dayOf(us))
		}
	}
	if day == b.last && b.more > 0 {
		b.more++
		return day
	}
	b.settle()
	if _, ok := b.rows[day]; !ok && day != b.fallback && !b.begin(day) {
		day = b.fallback
		b.strays++
	}
	b.last, b.more = day, 1
	return day
}

// begin reports whether there may be an object of one more day.
func (b *dayBook) begin(day int32) bool {
	others := len(b.rows)
	if _, ok := b.rows[b.fallback]; ok {
		others--
	}
	isLater := b.dated && day > b.fallback+1
	if others == maxDays || isLater && b.later == maxLaterDays {
		return false
	}
	if isLater {
		b.later++
	}
	return true
}

// settle counts the rows of the last day.
func (b *dayBook) settle() {
	if b.more > 0 {
		b.rows[b.last] += b.more
		b.more = 0
	}
}

// days returns the days in order, as they are listed in metadata. A source
// without lines has one object all the same.
func (b *dayBook) days() []DayRows {
	b.settle()
	if len(b.rows) == 0 {
		return []DayRows{{Day: b.name(b.fallback)}}
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
