package lokitest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/snappy"
)

// request encodes one stream; lines must be shorter than 16,000 bytes for the lengths used here.
func request(labels string, lines ...string) string {
	stream := long('\x0a', labels)
	for _, line := range lines {
		stream += long('\x12', long('\x0a', "\x08\x01")+long('\x12', line))
	}
	return long('\x0a', stream)
}

// long is a length-delimited field with a five-byte length.
func long(tag byte, content string) string {
	n := len(content)
	return string([]byte{tag, byte(n) | 0x80, byte(n>>7) | 0x80, byte(n>>14) | 0x80, byte(n>>21) | 0x80, 0}) + content
}

func push(t *testing.T, transport http.RoundTripper, url, body string) (int, string, error) {
	t.Helper()
	client := http.Client{Transport: transport}
	resp, err := client.Post(url+"/loki/api/v1/push", "application/x-protobuf", strings.NewReader(string(snappy.Encode(nil, []byte(body)))))
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), nil
}

func TestRules(t *testing.T) {
	manyLabels := `{a="1"` + strings.Repeat(`, b="1"`, 15) + `}`
	for _, c := range []struct {
		name   string
		cfg    Config
		body   string
		status int
		words  string
		stored int
	}{
		{"stored", Config{}, request(`{a="b"}`, "x", "y"), 204, "", 2},
		{"empty push", Config{}, "", 422, "at least one valid stream", 0},
		{"stream without entries", Config{}, request(`{a="b"}`), 422, "at least one valid stream", 0},
		{"line too long, rest stored", Config{MaxLine: 5}, request(`{a="b"}`, "short", "longer", "5"), 400, "Max entry size '5' bytes exceeded", 2},
		{"default line limit", Config{}, request(`{a="b"}`, strings.Repeat("x", 256<<10), strings.Repeat("x", 256<<10+1)), 400, "length '262145' bytes", 1},
		{"any line", Config{MaxLine: -1}, request(`{a="b"}`, strings.Repeat("x", 300<<10)), 204, "", 1},
		{"message too large", Config{MaxRequest: 1000}, request(`{a="b"}`, strings.Repeat("x", 1001)), 500, "received message larger than max (", 0},
		{"old", Config{MaxAge: time.Hour}, request(`{a="b"}`, "x"), 400, "has timestamp too old: 1970-01-01T00:00:01Z", 0},
		{"bad labels", Config{}, request(`{a=b}`, "x"), 400, "Error parsing labels", 0},
		{"no labels", Config{}, request(`{}`, "x"), 400, "at least one label pair", 0},
		{"many labels", Config{}, request(manyLabels, "x"), 400, "duplicate label name", 0},
		{"tenant", Config{RequireTenant: true}, request(`{a="b"}`, "x"), 401, "no org id", 0},
		{"garbage", Config{}, "garbage", 400, "decode", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := New(c.cfg)
			status, words, err := push(t, r.Transport(), "http://loki", c.body)
			if err != nil || status != c.status || !strings.Contains(words, c.words) {
				t.Errorf("got %d %q %v, want %d %q", status, words, err, c.status, c.words)
			}
			if r.Count() != c.stored || r.Pushes() != 1 {
				t.Errorf("stored %d of %d pushes, want %d", r.Count(), r.Pushes(), c.stored)
			}
		})
	}
}

func TestDistinct(t *testing.T) {
	for _, countOnly := range []bool{false, true} {
		r := New(Config{CountOnly: countOnly})
		for range 3 {
			if _, _, err := push(t, r.Transport(), "http://loki", request(`{a="b"}`, "x", "y")); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := push(t, r.Transport(), "http://loki", request(`{a="c"}`, "x")); err != nil {
			t.Fatal(err)
		}
		if r.Count() != 7 || r.Distinct() != 3 || r.Bytes() != 7 || r.Streams()[`{a="b"}`] != 6 {
			t.Errorf("count %d, distinct %d, bytes %d, streams %v", r.Count(), r.Distinct(), r.Bytes(), r.Streams())
		}
		if n := len(r.Lines()); countOnly && n != 0 || !countOnly && n != 7 {
			t.Errorf("count only %v: %d lines kept", countOnly, n)
		}
		var want Digest
		for _, line := range []string{"y", "x", "x"} {
			want.Add([]byte(line))
		}
		if r.Digest() != want {
			t.Errorf("digest %v, want %v", r.Digest(), want)
		}
		r.Reset()
		if r.Count()+r.Distinct()+r.Pushes() != 0 {
			t.Error("Reset kept counts")
		}
	}
}

func TestMaxDistinctBoundsMemory(t *testing.T) {
	r := New(Config{CountOnly: true, MaxDistinct: 2})
	for _, line := range []string{"a", "b", "a", "c", "c"} {
		if _, _, err := push(t, r.Transport(), "http://loki", request(`{a="b"}`, line)); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.store.seen) != 2 || !r.Saturated() || r.Distinct() != 4 {
		t.Errorf("%d keys, saturated %v, distinct %d", len(r.store.seen), r.Saturated(), r.Distinct())
	}
}

func TestFaultsWithoutNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Config{})
		r.Inject(2, Fault{Status: 429, RetryAfter: 7 * time.Second})
		r.Inject(1, Fault{LoseResponse: true})
		r.Inject(1, Fault{ReadDelay: time.Second})
		body := request(`{a="b"}`, "x")
		for range 2 {
			if status, words, _ := push(t, r.Transport(), "http://loki", body); status != 429 || !strings.Contains(words, "rate limit") {
				t.Errorf("got %d %q", status, words)
			}
		}
		if _, _, err := push(t, r.Transport(), "http://loki", body); !errors.Is(err, io.ErrUnexpectedEOF) || r.Count() != 1 {
			t.Errorf("lost answer: %v, %d stored", err, r.Count())
		}
		start := time.Now()
		if status, _, _ := push(t, r.Transport(), "http://loki", body); status != 204 || time.Since(start) < time.Second {
			t.Errorf("slow: %d after %s", status, time.Since(start))
		}
		if r.Count() != 2 || r.Distinct() != 1 {
			t.Errorf("%d stored, %d distinct", r.Count(), r.Distinct())
		}
	})
}

func TestHangEndsWithHealOrContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Config{})
		r.Inject(-1, Fault{Hang: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://loki/loki/api/v1/push", nil)
		if _, err := r.Transport().RoundTrip(req); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.AfterFunc(time.Hour, r.Heal)
		start := time.Now()
		if _, _, err := push(t, r.Transport(), "http://loki", ""); err == nil || time.Since(start) != time.Hour {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
		if status, _, err := push(t, r.Transport(), "http://loki", request(`{a="b"}`, "x")); status != 204 {
			t.Errorf("after Heal: %d %v", status, err)
		}
	})
}

func TestServer(t *testing.T) {
	r := New(Config{})
	server := httptest.NewServer(r)
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	r.Inject(1, Fault{LoseResponse: true})
	if status, _, err := push(t, transport, server.URL, request(`{a="b"}`, "x")); err == nil {
		t.Errorf("lost answer: got %d", status)
	}
	r.Inject(1, Fault{Status: 308, Location: "/elsewhere"})
	if status, words, err := push(t, transport, server.URL, request(`{a="b"}`, "x")); err != nil || status != 404 {
		t.Errorf("redirect: got %d %q %v", status, words, err)
	}
	if status, _, err := push(t, transport, server.URL, request(`{a="b"}`, "x")); status != 204 {
		t.Errorf("got %d %v", status, err)
	}
	if r.Count() != 2 || r.Distinct() != 1 {
		t.Errorf("%d stored, %d distinct", r.Count(), r.Distinct())
	}
	client := http.Client{Transport: transport}
	resp, err := client.Get(server.URL + "/ready")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("/ready: %d", resp.StatusCode)
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Config{})
		time.AfterFunc(time.Second, func() {
			for range 2 {
				_, _, _ = push(t, r.Transport(), "http://loki", request(`{a="b"}`, "x"))
			}
		})
		if err := r.WaitCount(t.Context(), 2); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := r.WaitDistinct(ctx, 2)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "2 stored, 1 distinct") {
			t.Errorf("got %v", err)
		}
		if err := r.WaitDistinct(t.Context(), 1); err != nil {
			t.Error(err)
		}
	})
}
