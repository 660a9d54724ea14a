package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	run := func(cpu float64) figure { return figure{cpu: cpu, bytes: 1e9, peak: 40 << 20, elapsed: 30} }
	s := session{
		streaming: series{run(3), run(9), run(3.5)}, archive: series{run(6)}, both: series{run(8)}, zstd: series{run(2)},
		steadily: figure{cpu: 0.9, bytes: 75e6, peak: 65 << 20, elapsed: 30},
	}
	s.lines, s.rounds, s.rate = 1000, 3, 2000
	var b strings.Builder
	s.report(&b)
	got := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{
		"streaming to Loki alone 3.50 1.75 40 <= 3.5: yes", "archive alone 6.00 3.00 40 both", "both 8.00 4.00 40 <= 7: NO",
		"zstd -1 -T1 of the same bytes 2.00 1.00 40", "Fluent Bit, streaming alone not installed",
		"2000 lines (2.5 MB) a second for 30 s", "CPU, of one core 3.0 % <= 3 %: yes", "memory 65 MiB <= 64 MiB: NO",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the report has no %q:\n%s", want, b.String())
		}
	}
}

func TestJSONSink(t *testing.T) {
	sink := new(jsonSink)
	push := func(body string) int {
		w := httptest.NewRecorder()
		sink.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/loki/api/v1/push", strings.NewReader(body)))
		return w.Code
	}
	two := `{"streams":[{"stream":{"job":"audit"},"values":[["1","a"],["2","b",{"k":"v"}]]},{"stream":{},"values":[]}]}`
	if code := push(two); code != http.StatusNoContent || sink.entries.Load() != 2 {
		t.Errorf("status %d, %d entries", code, sink.entries.Load())
	}
	if code := push(`{"streams":`); code != http.StatusBadRequest || sink.entries.Load() != 2 {
		t.Errorf("half a push: status %d, %d entries", code, sink.entries.Load())
	}
	if err := sink.wait(t.Context(), 2); err != nil {
		t.Error(err)
	}
}
