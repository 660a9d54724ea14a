package main

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

const (
	column, row = 8.43, 20 // pixels of a character and a line, of a font of 14 pixels
	margin, bar = 18, 34   // pixels around the text, of the window's bar
	perKey      = 30 * time.Millisecond
	perLine     = 40 * time.Millisecond
	pause       = 700 * time.Millisecond
	longest     = 1500 * time.Millisecond // of a command's time
)

// The lines are there without animation; with it each one appears at its time, once.
const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" role="img" aria-labelledby="t d" xml:space="preserve">
<title id="t">%s</title>
<desc id="d">%s</desc>
<style>
text { font: 14px Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace; white-space: pre; fill: #e6edf3 }
.prompt { fill: #3fb950 } .comment { fill: #8b949e } .title { fill: #8b949e; text-anchor: middle }
@media (prefers-reduced-motion: no-preference) {
.line { animation: show .01s backwards }
.typed { animation: type backwards }
}
@keyframes show { from { opacity: 0 } }
@keyframes type { from { clip-path: inset(0 100%% 0 0) } to { clip-path: inset(0) } }
</style>
<rect width="100%%" height="100%%" rx="10" fill="#0d1117"/>
<circle cx="22" cy="18" r="6" fill="#ff5f57"/><circle cx="42" cy="18" r="6" fill="#febc2e"/><circle cx="62" cy="18" r="6" fill="#28c840"/>
<text class="title" x="50%%" y="23">%s</text>
`

// render draws a recording as a terminal that shows all of it at the end.
func render(title, description string, steps []step) []byte {
	var body strings.Builder
	width, at, y := 0, pause, margin+bar
	line := func(class, style, text string) {
		width = max(width, len([]rune(text)))
		fmt.Fprintf(&body, "<text class=%q style=%q x=\"%d\" y=\"%d\">%s</text>\n", class, style, margin, y, text)
		y += row
	}
	for i, s := range steps {
		if i > 0 {
			y += row / 2
		}
		delay := fmt.Sprintf("animation-delay:%.2fs", at.Seconds())
		if s.comment != "" {
			line("line comment", delay, escape("# "+s.comment))
		}
		typing := time.Duration(len(s.command)) * perKey
		width = max(width, len(s.command)+2)
		fmt.Fprintf(&body, "<text class=\"line prompt\" style=%q x=\"%d\" y=\"%d\">$</text>\n", delay, margin, y)
		fmt.Fprintf(&body, "<text class=\"typed\" style=\"%s;animation-duration:%.2fs;animation-timing-function:steps(%d)\" x=\"%.1f\" y=\"%d\">%s</text>\n",
			delay, typing.Seconds(), len(s.command), margin+2*column, y, escape(s.command))
		y += row
		at += typing + min(s.took, longest)
		for text := range strings.Lines(strings.Trim(s.output, "\n")) {
			text = strings.TrimRight(text, "\n")
			if text == "" {
				y += row / 2
				continue
			}
			at += perLine
			line("line", fmt.Sprintf("animation-delay:%.2fs", at.Seconds()), escape(text))
		}
		at += pause
	}
	full := int(float64(width)*column) + 2*margin
	return fmt.Appendf(nil, head+"%s</svg>\n", full, y-row+margin, full, escape(title), escape(description), escape(title), body.String())
}

func escape(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a Builder has no errors
	return out.String()
}
