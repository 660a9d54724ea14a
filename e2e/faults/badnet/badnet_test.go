package badnet

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink counts the bodies that it got whole.
type sink struct{ bodies atomic.Int64 }

func (s *sink) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.bodies.Add(1)
	fmt.Fprintf(w, "%s %s", req.Host, body)
}

// start puts the bad network before a real server before the sink.
func start(t *testing.T) (*Server, *sink, *http.Client) {
	t.Helper()
	far := new(sink)
	behind := httptest.NewServer(far)
	t.Cleanup(behind.Close)
	forward, err := Forward(behind.URL)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(forward)
	if err != nil {
		t.Fatal(err)
	}
	transport := new(http.Transport)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, far, &http.Client{Transport: transport, Timeout: 5 * time.Minute}
}

func post(client *http.Client, s *Server, body string) (status int, answer string, err error) {
	resp, err := client.Post(s.URL(), "text/plain", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(content), err
}

func TestConditions(t *testing.T) {
	for _, test := range []struct {
		name   string
		now    Condition
		status int // 0: no answer
		seen   int64
	}{
		{"fine", Condition{}, 200, 1},
		{"away", Condition{Unavailable: true}, 0, 0},
		{"a status", Condition{Status: 503}, 503, 0},
		{"the answer lost", Condition{LoseAnswer: true}, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, far, client := start(t)
			s.Set(test.now)
			status, answer, err := post(client, s, "hello")
			if status != test.status || (err == nil) != (test.status != 0) {
				t.Errorf("status %d, %v; want %d", status, err, test.status)
			}
			if want := strings.TrimPrefix(s.URL(), "http://") + " hello"; status == 200 && answer != want {
				t.Errorf("answer %q, want %q", answer, want)
			}
			if n := far.bodies.Load(); n != test.seen {
				t.Errorf("the sink saw %d bodies, want %d", n, test.seen)
			}
			if want := int(test.seen); test.now.LoseAnswer && s.Lost() != want {
				t.Errorf("%d answers lost, want %d", s.Lost(), want)
			}
			s.Set(Condition{})
			if status, _, err := post(client, s, "again"); status != 200 {
				t.Errorf("afterwards: status %d, %v", status, err)
			}
		})
	}
}

func TestUnavailableResetsOpenConnections(t *testing.T) {
	s, _, client := start(t)
	s.Set(Condition{BytesPerSecond: 100})
	failed := make(chan error, 1)
	go func() {
		_, _, err := post(client, s, strings.Repeat("x", 2000))
		failed <- err
	}()
	for s.InFlight() == 0 {
		time.Sleep(time.Millisecond)
	}
	s.Set(Condition{Unavailable: true})
	if err := <-failed; err == nil {
		t.Error("a request survived the outage")
	}
}

func TestSlow(t *testing.T) {
	s, far, client := start(t)
	s.Set(Condition{BytesPerSecond: 1000})
	begin := time.Now()
	if status, _, err := post(client, s, strings.Repeat("x", 400)); status != 200 {
		t.Fatalf("status %d, %v", status, err)
	}
	if took := time.Since(begin); took < 350*time.Millisecond {
		t.Errorf("400 bytes at 1000 a second took %v", took)
	}
	if far.bodies.Load() != 1 {
		t.Error("the sink did not get the body")
	}
}

func TestForwardNowhere(t *testing.T) {
	for _, bad := range []string{"", "127.0.0.1", "http://%zz"} {
		if _, err := Forward(bad); err == nil {
			t.Errorf("Forward(%q): no error", bad)
		}
	}
}
