package lokipush

import "time"

// microTime is the length of a metav1.MicroTime as kube-apiserver writes it, always in UTC.
const microTime = len("2006-01-02T15:04:05.000000Z")

// minute reads times, and remembers the minute of the last one: lines that follow each other are
// mostly of the same.
type minute struct {
	text  [len("2006-01-02T15:04:")]byte
	start time.Time // zero before the first
}

// time reads 2006-01-02T15:04:05.000000Z.
func (m *minute) time(text []byte) (time.Time, bool) {
	n := len(m.text)
	if (string(text[:n]) != string(m.text[:]) || m.start.IsZero()) && !m.set(text[:n]) {
		return time.Time{}, false
	}
	seconds, ok := digits(text[n : n+2])
	micros, all := digits(text[n+3 : n+9])
	if !ok || !all || seconds > 59 || text[n+2] != '.' || text[n+9] != 'Z' {
		return time.Time{}, false
	}
	return m.start.Add(time.Duration(seconds)*time.Second + time.Duration(micros)*time.Microsecond), true
}

// set reads 2006-01-02T15:04: and remembers it.
func (m *minute) set(text []byte) bool {
	if text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		return false
	}
	var parts [5]int
	for i, from := range [...]int{0, 5, 8, 11, 14} {
		n, ok := digits(text[from:max(from+2, 4)])
		if !ok {
			return false
		}
		parts[i] = n
	}
	year, month, day, hour, min := parts[0], time.Month(parts[1]), parts[2], parts[3], parts[4]
	start := time.Date(year, month, day, hour, min, 0, 0, time.UTC)
	// time.Date takes 31 February for 3 March: such a date is none.
	if start.Day() != day || start.Month() != month || hour > 23 || min > 59 {
		return false
	}
	copy(m.text[:], text)
	m.start = start
	return true
}

// digits returns the number that text is; ok is false where not all of it is digits.
func digits(text []byte) (n int, ok bool) {
	ok = true
	for _, c := range text {
		ok = ok && c-'0' <= 9
		n = 10*n + int(c-'0')
	}
	return n, ok
}
