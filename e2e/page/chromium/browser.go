// Package chromium speaks to a headless Chromium in the DevTools protocol: it loads a page as a
// screen of some width and colour scheme shows it, and returns its size, its picture and the
// browser's complaints. The suite of the page and the pictures of the documentation use it.
package chromium

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

// patience is the longest that the browser may take for an answer. Only a hang takes so long.
const patience = 5 * time.Minute

// Browser is a running browser. Both pipes carry messages that end with a NUL byte.
type Browser struct {
	cmd     *exec.Cmd
	cancel  context.CancelFunc
	to      *os.File
	from    *os.File
	profile string
	done    chan struct{} // closed when it sends no more

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

// find finds Debian's browser, or another build of it.
func find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no chromium in the PATH: apt-get install chromium")
}

// Start starts a browser that runs until Close.
func Start() (*Browser, error) {
	path, err := find()
	if err != nil {
		return nil, err
	}
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	profile, err := os.MkdirTemp("", "auditsidecar-chromium-*")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--remote-debugging-pipe", "--user-data-dir="+profile, "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	theirIn.Close()
	theirOut.Close()
	b := &Browser{
		cmd: cmd, cancel: cancel, to: ourOut, from: ourIn, profile: profile, done: make(chan struct{}),
		waiting: map[int]chan message{}, loaded: make(chan struct{}, 1),
	}
	go func() {
		defer close(b.done)
		b.read()
	}()
	return b, nil
}

// Close ends the browser and removes its profile.
func (b *Browser) Close() error {
	_, _ = b.call("", "Browser.close", nil) // it closes the pipe
	b.to.Close()
	select {
	case <-b.done: // it has ended
	case <-time.After(5 * time.Second):
	}
	b.cancel()
	_ = b.cmd.Wait()
	<-b.done
	b.from.Close()
	var err error
	for range 100 { // its last processes may still write
		if err = os.RemoveAll(b.profile); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("remove the browser's profile: %w", err)
}

// read reads the browser's messages until it ends.
func (b *Browser) read() {
	r := bufio.NewReader(b.from)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if answer := b.waiting[m.ID]; m.ID != 0 && answer != nil {
			delete(b.waiting, m.ID)
			answer <- m
		}
		b.mu.Unlock()
		b.event(m)
	}
}

// event notes faults of the page.
func (b *Browser) event(m message) {
	switch m.Method {
	case "Page.loadEventFired":
		select {
		case b.loaded <- struct{}{}:
		default:
		}
	case "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Network.loadingFailed", "Audits.issueAdded":
		b.note(m.Method + " " + string(m.Params))
	case "Network.responseReceived":
		var p struct {
			Response struct {
				URL    string `json:"url"`
				Status int    `json:"status"`
			} `json:"response"`
		}
		if json.Unmarshal(m.Params, &p) == nil && p.Response.Status >= 400 {
			b.note(fmt.Sprintf("%s: status %d", p.Response.URL, p.Response.Status))
		}
	}
}

func (b *Browser) note(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complain = append(b.complain, text)
}

// Complaints returns the faults of pages since the last call.
func (b *Browser) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.complain
	b.complain = nil
	return all
}

// call asks the browser and waits for the answer.
func (b *Browser) call(session, method string, params any) (json.RawMessage, error) {
	b.mu.Lock()
	b.last++
	id, answer := b.last, make(chan message, 1)
	b.waiting[id] = answer
	b.mu.Unlock()
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
	if _, err := b.to.Write(append(text, 0)); err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m := <-answer:
		if m.Error != nil {
			return nil, fmt.Errorf("%s: %s", method, m.Error.Message)
		}
		return m.Result, nil
	case <-time.After(patience):
		return nil, fmt.Errorf("%s: no answer", method)
	}
}
