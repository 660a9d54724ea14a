package admin

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"time"
)

//go:embed page.html style.css icon.svg
var assets embed.FS

// pagePolicy lets the page load its own style sheet and icon and nothing else:
// no script, no form, no frame around it.
const pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// page answers with the status as a page for people.
type page struct {
	board *board
	text  *template.Template
}

func newPage(b *board) (*page, error) {
	text, err := template.New("page.html").Funcs(template.FuncMap{
		"span": span, "brief": brief, "size": size, "number": number,
		"bytes": func(n int64) string { return size(float64(n)) },
	}).ParseFS(assets, "page.html")
	return &page{b, text}, err
}

// view is the input of the template.
type view struct {
	*Status
	// Refresh is after how many seconds the page is loaded again; 0: never.
	Refresh int
}

// Ago is how long ago a time was.
func (v view) Ago(t time.Time) string { return v.ago(t) }

// Age is how long ago a time was, without the word.
func (v view) Age(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return span(v.Now.Sub(t).Seconds())
}

// Figure is the value of a metric.
func (v view) Figure(metric string) float64 { return v.figures.get(metric) }

// refresh is after how many seconds a browser that asks for it loads the page again.
const refresh = 10

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := view{Status: p.board.status()}
	if r.URL.Query().Has("refresh") {
		v.Refresh = refresh
	}
	var out bytes.Buffer
	if err := p.text.Execute(&out, v); err != nil {
		http.Error(w, "the page cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, "text/html; charset=utf-8", out.Bytes())
}

// json answers with the same for programs.
func (b *board) json(w http.ResponseWriter, _ *http.Request) {
	out, err := json.MarshalIndent(b.status(), "", " ")
	if err != nil {
		http.Error(w, "the status cannot be encoded: "+err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, "application/json", append(out, '\n'))
}

func send(w http.ResponseWriter, kind string, content []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content) // the client went away
}
