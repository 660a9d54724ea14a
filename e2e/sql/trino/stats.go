package trino

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// BytesRead returns the bytes that each finished query read from the object store, as
// Trino prints sizes ("120.5kB" or "120518B"), by the text of the query.
func (s *Server) BytesRead(tb testing.TB) map[string]string {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, s.URL+"/v1/query?state=FINISHED", nil)
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("X-Trino-User", "e2e")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	var infos []struct {
		Query      string
		QueryStats struct{ PhysicalInputDataSize string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&infos); err != nil {
		tb.Fatalf("list Trino's queries: %s: %v", resp.Status, err)
	}
	read := map[string]string{}
	for _, i := range infos {
		read[strings.TrimSpace(i.Query)] = i.QueryStats.PhysicalInputDataSize
	}
	return read
}
