package auditline

import "time"

// microTimeLen is the length of 2006-01-02T15:04:05.000000Z, the only form in
// which kube-apiserver writes a timestamp.
const microTimeLen = 27

const (
	microsPerSecond = 1_000_000
	secondsPerDay   = 86_400
	microsPerDay    = secondsPerDay * microsPerSecond
)

// calendar reads and writes kube-apiserver's form of a timestamp. It remembers
// the last date: nearly all lines of a file are of one day. The zero value is
// ready for use.
type calendar struct {
	known bool
	text  [dateLen]byte
	day   int64 // since 1970
}

// dateLen is the length of 2006-01-02.
const dateLen = 10

// parse reads a timestamp as microseconds since 1970.
func (c *calendar) parse(b []byte) (int64, bool) {
	if len(b) != microTimeLen {
		return 0, false
	}
	if !c.known || string(b[:dateLen]) != string(c.text[:]) {
		date, err := time.Parse(time.DateOnly, string(b[:dateLen]))
		if err != nil {
			return 0, false
		}
		c.known, c.text, c.day = true, [dateLen]byte(b), date.Unix()/secondsPerDay
	}
	us, ok := parseClock(b[dateLen:])
	return c.day*microsPerDay + us, ok
}

// parseClock reads T15:04:05.000000Z as microseconds since midnight.
func parseClock(b []byte) (int64, bool) {
	_ = b[microTimeLen-dateLen-1]
	if b[0] != 'T' || b[3] != ':' || b[6] != ':' || b[9] != '.' || b[16] != 'Z' {
		return 0, false
	}
	hour, ok1 := twoDigits(b[1], b[2])
	minute, ok2 := twoDigits(b[4], b[5])
	second, ok3 := twoDigits(b[7], b[8])
	high, ok4 := twoDigits(b[10], b[11])
	middle, ok5 := twoDigits(b[12], b[13])
	low, ok6 := twoDigits(b[14], b[15])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	return ((hour*60+minute)*60+second)*microsPerSecond + (high*100+middle)*100 + low, true
}

func twoDigits(a, b byte) (int64, bool) {
	a, b = a-'0', b-'0'
	return int64(a)*10 + int64(b), a <= 9 && b <= 9
}

// append appends a timestamp. µs must be within the years 0 to 9999.
func (c *calendar) append(dst []byte, us int64) []byte {
	day, rest := us/microsPerDay, us%microsPerDay
	if rest < 0 {
		day, rest = day-1, rest+microsPerDay
	}
	if !c.known || day != c.day {
		c.known, c.day = true, day
		time.Unix(day*secondsPerDay, 0).UTC().AppendFormat(c.text[:0], time.DateOnly)
	}
	at := len(dst)
	dst = append(append(dst, c.text[:]...), "T00:00:00.000000Z"...)
	seconds, micro := rest/microsPerSecond, rest%microsPerSecond
	pairs := [...]int64{seconds / 3600, seconds / 60 % 60, seconds % 60, micro / 10_000, micro / 100 % 100, micro % 100}
	for i, place := range [...]int{11, 14, 17, 20, 22, 24} {
		dst[at+place], dst[at+place+1] = byte('0'+pairs[i]/10), byte('0'+pairs[i]%10)
	}
	return dst
}

// parseAnyTime reads any RFC 3339 timestamp, to the microsecond.
func parseAnyTime(b []byte) (int64, bool) {
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil || t.UTC().Year() < 0 || t.UTC().Year() > 9999 {
		return 0, false
	}
	return t.UnixMicro(), true
}
