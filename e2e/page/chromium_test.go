//go:build e2e

package page

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// chromium is a running browser, spoken to in the DevTools protocol over two
// pipes: messages end with a NUL byte.
type chromium struct {
	to *os.File

	mu       sync.Mutex
	last     int
	waiting  map[int]chan message
	complain []string // faults of the page
	loaded   chan struct{}
}

// message is an answer or an event.
type message struct {
	ID        int             `json:"id"`
	SessionID string          `json:"sessionId"`
	Method    string          `json:"method"`
	Params    json.RawMessage `json:"params"`
	Result    json.RawMessage `json:"result"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// browserName finds Debian's browser, or another build of it.
func browserName() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no chromium in the PATH: apt-get install chromium")
}

// startChromium starts a browser that the test ends.
func startChromium(t *testing.T) *chromium {
	t.Helper()
	path, err := browserName()
	if err != nil {
		t.Fatal(err)
	}
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := os.MkdirTemp("", "auditsidecar-chromium-*")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--remote-debugging-pipe", "--user-data-dir="+profile, "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	c := &chromium{to: ourOut, waiting: map[int]chan message{}, loaded: make(chan struct{}, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.read(ourIn)
	}()
	t.Cleanup(func() {
		_, _ = c.call("", "Browser.close", nil) // it closes the pipe
		ourOut.Close()
		select {
		case <-done: // it has ended
		case <-time.After(5 * time.Second):
		}
		cancel()
		_ = cmd.Wait()
		<-done
		ourIn.Close()
		removeProfile(t, profile)
	})
	return c
}

// removeProfile removes a browser's profile, into which its last processes may
// still write.
func removeProfile(t *testing.T, dir string) {
	t.Helper()
	var err error
	for range 100 {
		if err = os.RemoveAll(dir); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("remove the browser's profile: %v", err)
}

// read reads the browser's messages until it ends.
func (c *chromium) read(from *os.File) {
	r := bufio.NewReader(from)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		c.mu.Lock()
		if answer := c.waiting[m.ID]; m.ID != 0 && answer != nil {
			delete(c.waiting, m.ID)
			answer <- m
		}
		c.mu.Unlock()
		c.event(m)
	}
}

// event notes faults of the page.
func (c *chromium) event(m message) {
	switch m.Method {
	case "Page.loadEventFired":
		select {
		case c.loaded <- struct{}{}:
		default:
		}
	case "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Network.loadingFailed", "Audits.issueAdded":
		c.note(m.Method + " " + string(m.Params))
	case "Network.responseReceived":
		var p struct {
			Response struct {
				URL    string `json:"url"`
				Status int    `json:"status"`
			} `json:"response"`
		}
		if json.Unmarshal(m.Params, &p) == nil && p.Response.Status >= 400 {
			c.note(fmt.Sprintf("%s: status %d", p.Response.URL, p.Response.Status))
		}
	}
}

func (c *chromium) note(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.complain = append(c.complain, text)
}

// complaints returns the faults since the last call.
func (c *chromium) complaints() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.complain
	c.complain = nil
	return all
}

// call asks the browser and waits for the answer.
func (c *chromium) call(session, method string, params any) (json.RawMessage, error) {
	c.mu.Lock()
	c.last++
	id, answer := c.last, make(chan message, 1)
	c.waiting[id] = answer
	c.mu.Unlock()
	request := map[string]any{"id": id, "method": method}
	if params != nil {
		request["params"] = params
	}
	if session != "" {
		request["sessionId"] = session
	}
	text, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	if _, err := c.to.Write(append(text, 0)); err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m := <-answer:
		if m.Error != nil {
			return nil, fmt.Errorf("%s: %s", method, m.Error.Message)
		}
		return m.Result, nil
	case <-time.After(5 * time.Minute):
		return nil, fmt.Errorf("%s: no answer", method)
	}
}

// tab is one page of the browser.
type tab struct {
	t       *testing.T
	c       *chromium
	session string
}

// newTab opens a page in which no script can run.
func (c *chromium) newTab(t *testing.T) *tab {
	t.Helper()
	p := &tab{t: t, c: c}
	var target struct {
		TargetID string `json:"targetId"`
	}
	p.ask("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	p.ask("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	p.session = attached.SessionID
	for _, domain := range []string{"Page", "Log", "Runtime", "Network", "Audits"} {
		p.ask(domain+".enable", nil, nil)
	}
	p.ask("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	return p
}

func (p *tab) ask(method string, params, into any) {
	p.t.Helper()
	result, err := p.c.call(p.session, method, params)
	if err != nil {
		p.t.Fatal(err)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(result, into); err != nil {
		p.t.Fatalf("%s: %v", method, err)
	}
}

// show loads a page as a screen of this width and scheme shows it.
func (p *tab) show(url string, width int, scheme string) {
	p.t.Helper()
	p.ask("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	p.ask("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	select {
	case <-p.c.loaded: // of an earlier page
	default:
	}
	p.ask("Page.navigate", map[string]any{"url": url}, nil)
	select {
	case <-p.c.loaded:
	case <-time.After(5 * time.Minute):
		p.t.Fatalf("%s was not loaded", url)
	}
}

// size is that of the whole page.
func (p *tab) size() (width, height int) {
	p.t.Helper()
	var m struct {
		Content struct {
			Width  float64 `json:"width"`
			Height float64 `json:"height"`
		} `json:"cssContentSize"`
	}
	p.ask("Page.getLayoutMetrics", nil, &m)
	return int(m.Content.Width), int(m.Content.Height)
}

// picture is the whole page as a PNG.
func (p *tab) picture() []byte {
	p.t.Helper()
	width, height := p.size()
	var shot struct {
		Data string `json:"data"`
	}
	p.ask("Page.captureScreenshot", map[string]any{
		"format": "png", "captureBeyondViewport": true,
		"clip": map[string]any{"x": 0, "y": 0, "width": width, "height": height, "scale": 1},
	}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		p.t.Fatal(err)
	}
	return png
}
