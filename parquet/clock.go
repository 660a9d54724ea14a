package parquet

import "time"

// microTimeLen is the length of 2006-01-02T15:04:05.000000Z, the only form in
// which kube-apiserver writes a timestamp.
const microTimeLen = 27

const (
	microsPerSecond = 1_000_000
	secondsPerDay   = 86_400
	microsPerDay    = secondsPerDay * microsPerSecond
)

// parseMicroTime reads kube-apiserver's form of a timestamp as microseconds
// since 1970.
func parseMicroTime(b []byte) (int64, bool) {
	if len(b) != microTimeLen || b[4] != '-' || b[7] != '-' || b[10] != 'T' ||
		b[13] != ':' || b[16] != ':' || b[19] != '.' || b[26] != 'Z' {
		return 0, false
	}
	year, ok1 := decimal(b[0:4])
	month, ok2 := decimal(b[5:7])
	day, ok3 := decimal(b[8:10])
	hour, ok4 := decimal(b[11:13])
	minute, ok5 := decimal(b[14:16])
	second, ok6 := decimal(b[17:19])
	micro, ok7 := decimal(b[20:26])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7) || hour > 23 || minute > 59 || second > 59 ||
		month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, false
	}
	days := daysFromCivil(year, month, day)
	// 31 February comes back as a day in March: such a text is no timestamp.
	if y, m, d := civilFromDays(days); y != year || m != month || d != day {
		return 0, false
	}
	return ((days*24+hour)*60+minute)*60*microsPerSecond + second*microsPerSecond + micro, true
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

// appendMicroTime appends a timestamp in kube-apiserver's form. µs must be
// within the years 0 to 9999.
func appendMicroTime(dst []byte, us int64) []byte {
	days, rest := floorDiv(us, microsPerDay)
	y, m, d := civilFromDays(days)
	seconds, micro := rest/microsPerSecond, rest%microsPerSecond
	var b [microTimeLen]byte
	putDecimal(b[0:4], y)
	b[4] = '-'
	putDecimal(b[5:7], m)
	b[7] = '-'
	putDecimal(b[8:10], d)
	b[10] = 'T'
	putDecimal(b[11:13], seconds/3600)
	b[13] = ':'
	putDecimal(b[14:16], seconds/60%60)
	b[16] = ':'
	putDecimal(b[17:19], seconds%60)
	b[19] = '.'
	putDecimal(b[20:26], micro)
	b[26] = 'Z'
	return append(dst, b[:]...)
}

func putDecimal(b []byte, n int64) {
	u := uint32(n)
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + u%10)
		u /= 10
	}
}

// parseAnyTime reads any RFC 3339 timestamp, to the microsecond.
func parseAnyTime(b []byte) (int64, bool) {
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil || t.UTC().Year() < 0 || t.UTC().Year() > 9999 {
		return 0, false
	}
	return t.UnixMicro(), true
}

// dayOf returns the UTC day of a timestamp, as days since 1970.
func dayOf(us int64) int64 {
	day, _ := floorDiv(us, microsPerDay)
	return day
}

// dayText returns a day as 2006-01-02.
func dayText(day int64) string {
	return string(appendMicroTime(nil, day*microsPerDay)[:10])
}

func floorDiv(a, b int64) (quotient, remainder int64) {
	quotient, remainder = a/b, a%b
	if remainder < 0 {
		quotient, remainder = quotient-1, remainder+b
	}
	return quotient, remainder
}

// daysFromCivil and civilFromDays convert between a date of the proleptic
// Gregorian calendar and days since 1970 (Howard Hinnant, "chrono-Compatible
// Low-Level Date Algorithms"). They are here because package time takes three
// times as long.
func daysFromCivil(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era, yoe := floorDiv(y, 400)
	doy := (153*((m+9)%12)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 719468
}

func civilFromDays(days int64) (y, m, d int64) {
	era, doe := floorDiv(days+719468, 146097)
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	y = yoe + era*400
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	if m > 12 {
		m -= 12
	}
	if m <= 2 {
		y++
	}
	return y, m, d
}
