package admin

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// span is a duration as people say it: "14 s", "6 min", "3 h 20 min".
func span(s float64) string {
	switch d := time.Duration(max(0, s) * float64(time.Second)); {
	case d < 10*time.Second && d >= time.Second:
		return strconv.Itoa(int(d.Round(time.Second)/time.Second)) + " s"
	case d < 2*time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 24*time.Hour:
		return two(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "min")
	default:
		return two(int(d/(24*time.Hour)), "d", int(d%(24*time.Hour)/time.Hour), "h")
	}
}

func two(n int, unit string, rest int, smaller string) string {
	if rest == 0 {
		return fmt.Sprintf("%d %s", n, unit)
	}
	return fmt.Sprintf("%d %s %d %s", n, unit, rest, smaller)
}

// size is a number of bytes: "0 B", "12 kB", "3.1 MB".
func size(b float64) string {
	if math.IsNaN(b) || b < 0 {
		return "?"
	}
	return humanize.Bytes(uint64(b))
}

// number is a count with a comma at every thousand.
func number(n float64) string { return humanize.Comma(int64(n)) }

// count is a number of things: "1 file", "3 files".
func count(n float64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return number(n) + " " + thing + "s"
}

// maxError is how many characters of an error are shown.
const maxError = 400

// clip shortens a text that is too long to be read.
func clip(text string) string {
	if runes := []rune(text); len(runes) > maxError {
		return string(runes[:maxError]) + "…"
	}
	return text
}

// maxWords is how many words a cause has.
const maxWords = 10

// words are the first words of a text, without the brackets at its end.
func words(text string) string {
	if i := strings.LastIndex(text, " ("); i > 0 && strings.HasSuffix(text, ")") {
		text = text[:i]
	}
	if all := strings.Fields(text); len(all) > maxWords {
		text = strings.Join(all[:maxWords], " ") + " …"
	}
	return clip(text)
}

// brief is the end of an error of Go's HTTP client, which begins with the URL.
func brief(text string) string {
	if i := strings.LastIndex(text, `": `); i >= 0 {
		text = text[i+len(`": `):]
	}
	return clip(text)
}
