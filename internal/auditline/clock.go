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

// decimal reads a number of ASCII digits.
func decimal(b []byte) (int64, bool) {
	var n int64
	for _, c := range b {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// append appends a timestamp. µs must be within the years 0 to 9999.
func (c *calendar) append(dst []byte, us int64) []byte {
	day, rest := floorDiv(us, microsPerDay)
	if !c.known || day != c.day {
		c.known, c.day = true, day
		time.Unix(day*secondsPerDay, 0).UTC().AppendFormat(c.text[:0], time.DateOnly)
	}
	seconds, micro := rest/microsPerSecond, rest%microsPerSecond
	var b [microTimeLen]byte
	copy(b[:], c.text[:])
	b[10] = 'T'
	b[11], b[12] = pair(seconds / 3600)
	b[13] = ':'
	b[14], b[15] = pair(seconds / 60 % 60)
	b[16] = ':'
	b[17], b[18] = pair(seconds % 60)
	b[19] = '.'
	b[20], b[21] = pair(micro / 10_000)
	b[22], b[23] = pair(micro / 100 % 100)
	b[24], b[25] = pair(micro % 100)
	b[26] = 'Z'
	return append(dst, b[:]...)
}

// pair returns the two digits of a number below 100.
func pair(n int64) (tens, units byte) {
	u := uint32(n)
	t := u * 205 >> 11 // u / 10
	return byte('0' + t), byte('0' + u - 10*t)
}

// parseAnyTime reads any RFC 3339 timestamp, to the microsecond.
func parseAnyTime(b []byte) (int64, bool) {
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil || t.UTC().Year() < 0 || t.UTC().Year() > 9999 {
		return 0, false
	}
	return t.UnixMicro(), true
}

func floorDiv(a, b int64) (quotient, remainder int64) {
	quotient, remainder = a/b, a%b
	if remainder < 0 {
		quotient, remainder = quotient-1, remainder+b
	}
	return quotient, remainder
}
