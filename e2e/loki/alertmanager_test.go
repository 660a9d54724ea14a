package loki

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// alertmanager takes alerts as Alertmanager's API v2 does and counts them.
type alertmanager struct {
	server *httptest.Server

	mu    sync.Mutex
	fired map[string]map[string]bool // cluster, alert
	bad   []string                   // alerts that no one should have to read
}

// notice is one alert as the ruler sends it.
type notice struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

func newAlertmanager(t *testing.T) *alertmanager {
	t.Helper()
	a := &alertmanager{fired: make(map[string]map[string]bool)}
	a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var notices []notice
		if err := json.NewDecoder(req.Body).Decode(&notices); err != nil || req.URL.Path != "/api/v2/alerts" {
			t.Errorf("the ruler sent %s: %v", req.URL.Path, err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, n := range notices {
			a.take(n)
		}
	}))
	t.Cleanup(a.server.Close)
	return a
}

func (a *alertmanager) take(n notice) {
	a.mu.Lock()
	defer a.mu.Unlock()
	cluster, name := n.Labels["cluster"], n.Labels["alertname"]
	if a.fired[cluster] == nil {
		a.fired[cluster] = make(map[string]bool)
	}
	a.fired[cluster][name] = true
	text, err := json.Marshal(n)
	switch {
	case err != nil, len(text) > 2000:
		a.bad = append(a.bad, name+": too large to be without a body")
	case n.Annotations["runbook"] == "", n.Labels["mitre_attack"] == "", n.Labels["severity"] == "":
		a.bad = append(a.bad, name+": no runbook, technique or severity")
	case !strings.Contains(n.Annotations["summary"], cluster), strings.Contains(n.Annotations["summary"], "<"):
		a.bad = append(a.bad, name+": summary "+n.Annotations["summary"])
	}
}

// of returns the alerts of a cluster.
func (a *alertmanager) of(cluster string) (names []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name := range a.fired[cluster] {
		names = append(names, name)
	}
	return names
}
