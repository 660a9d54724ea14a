package doctor

import (
	"context"
	"net/http"
	"net/url"
)

// checkRunning asks the sidecar that runs here, if one does, what it waits for.
func checkRunning(ctx context.Context, cfg *Config) []Result {
	if cfg.Listen == "" {
		return nil
	}
	u := url.URL{Scheme: "http", Host: cfg.Listen, Path: "/readyz", RawQuery: "verbose"}
	a, err := ask(ctx, peer{client: http.DefaultClient}, http.MethodGet, u.String(), "")
	return first(
		finding{err != nil, result(Info, "", "no sidecar answers at %s", cfg.Listen)},
		finding{a.code == http.StatusOK, result(OK, "", "the sidecar that runs at %s is ready", cfg.Listen)},
		finding{true, result(Warning, "remove the cause; `curl -s '"+u.String()+"'` has all of it", "the sidecar that runs at %s is not ready: %s", cfg.Listen, a.text)},
	)
}
