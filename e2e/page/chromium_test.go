//go:build e2e

package page

import (
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/page/chromium"
)

// startChromium starts a browser that the test ends.
func startChromium(t *testing.T) *chromium.Browser {
	t.Helper()
	b, err := chromium.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// tab is a page of the browser whose failures end the test.
type tab struct {
	t   *testing.T
	tab *chromium.Tab
}

func newTab(t *testing.T, b *chromium.Browser) tab {
	t.Helper()
	page, err := b.NewTab()
	if err != nil {
		t.Fatal(err)
	}
	return tab{t, page}
}

// show loads a page as a screen of this width and scheme shows it.
func (p tab) show(url string, width int, scheme string) {
	p.t.Helper()
	if err := p.tab.Show(url, chromium.Screen{Width: width, Scheme: scheme}); err != nil {
		p.t.Fatal(err)
	}
}

// width is that of the whole page.
func (p tab) width() int {
	p.t.Helper()
	width, _, err := p.tab.Size()
	if err != nil {
		p.t.Fatal(err)
	}
	return width
}

// picture is the whole page as a PNG.
func (p tab) picture() []byte {
	p.t.Helper()
	png, err := p.tab.Picture(0)
	if err != nil {
		p.t.Fatal(err)
	}
	return png
}
