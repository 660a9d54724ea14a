package chromium

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// Tab is one page of the browser, in which no script can run.
type Tab struct {
	browser *Browser
	session string
}

// Screen shows a page.
type Screen struct {
	Width int
	// Scheme is light or dark.
	Scheme string
	// Scale is the pixels of a picture per CSS pixel; 0 is 1.
	Scale float64
}

// NewTab opens a tab.
func (b *Browser) NewTab() (*Tab, error) {
	t := &Tab{browser: b}
	var target struct {
		TargetID string `json:"targetId"`
	}
	if err := t.ask("Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return nil, err
	}
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	if err := t.ask("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached); err != nil {
		return nil, err
	}
	t.session = attached.SessionID
	for _, domain := range []string{"Page", "Log", "Runtime", "Network", "Audits"} {
		if err := t.ask(domain+".enable", nil, nil); err != nil {
			return nil, err
		}
	}
	return t, t.ask("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
}

func (t *Tab) ask(method string, params, into any) error {
	result, err := t.browser.call(t.session, method, params)
	if err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(result, into); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

// Show loads a page as the screen shows it.
func (t *Tab) Show(url string, screen Screen) error {
	metrics := map[string]any{"width": screen.Width, "height": 900, "deviceScaleFactor": max(screen.Scale, 1), "mobile": screen.Width < 600}
	if err := t.ask("Emulation.setDeviceMetricsOverride", metrics, nil); err != nil {
		return err
	}
	media := map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": screen.Scheme}}}
	if err := t.ask("Emulation.setEmulatedMedia", media, nil); err != nil {
		return err
	}
	select {
	case <-t.browser.loaded: // of an earlier page
	default:
	}
	if err := t.ask("Page.navigate", map[string]any{"url": url}, nil); err != nil {
		return err
	}
	select {
	case <-t.browser.loaded:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s was not loaded", url)
	}
}

// Size is that of the whole page in CSS pixels.
func (t *Tab) Size() (width, height int, err error) {
	var m struct {
		Content struct {
			Width  float64 `json:"width"`
			Height float64 `json:"height"`
		} `json:"cssContentSize"`
	}
	err = t.ask("Page.getLayoutMetrics", nil, &m)
	return int(m.Content.Width), int(m.Content.Height), err
}

// Picture is the page as a PNG, from the top to a height in CSS pixels; 0 is all of it.
func (t *Tab) Picture(height int) ([]byte, error) {
	width, whole, err := t.Size()
	if err != nil {
		return nil, err
	}
	if height == 0 || height > whole {
		height = whole
	}
	var shot struct {
		Data string `json:"data"`
	}
	if err := t.ask("Page.captureScreenshot", map[string]any{
		"format": "png", "captureBeyondViewport": true,
		"clip": map[string]any{"x": 0, "y": 0, "width": width, "height": height, "scale": 1},
	}, &shot); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(shot.Data)
}

// Bottom is where the first element that a selector matches ends, in CSS pixels from the top.
func (t *Tab) Bottom(selector string) (float64, error) {
	var document struct {
		Root struct {
			NodeID int `json:"nodeId"`
		} `json:"root"`
	}
	if err := t.ask("DOM.getDocument", nil, &document); err != nil {
		return 0, err
	}
	var found struct {
		NodeID int `json:"nodeId"`
	}
	if err := t.ask("DOM.querySelector", map[string]any{"nodeId": document.Root.NodeID, "selector": selector}, &found); err != nil {
		return 0, err
	}
	var box struct {
		Model struct {
			Border []float64 `json:"border"` // x and y of four corners, clockwise
		} `json:"model"`
	}
	if err := t.ask("DOM.getBoxModel", map[string]any{"nodeId": found.NodeID}, &box); err != nil {
		return 0, fmt.Errorf("find %q on the page: %w", selector, err)
	}
	return box.Model.Border[5], nil
}
