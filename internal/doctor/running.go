package doctor

import (
	"context"
	"net/http"
	"net/url"
)

// checkRunning asks the sidecar that runs here, if one does, what it waits for.
func checkRunning(ctx context.Context, cfg *Config) []Result {
	const id = "running"
	if cfg.Listen == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	u := url.URL{Scheme: "http", Host: cfg.Listen, Path: "/readyz", RawQuery: "verbose"}
	code, text, err := ask(ctx, peer{client: http.DefaultClient}, http.MethodGet, u.String(), "")
	switch {
	case err != nil:
		return one(id, Info, "", "no sidecar answers at %s", cfg.Listen)
	case code == http.StatusOK:
		return one(id, OK, "", "the sidecar that runs at %s is ready", cfg.Listen)
	}
	return one(id, Warning, "mend what it waits for; `curl -s '"+u.String()+"'` has all of it", "the sidecar that runs at %s is not ready: %s", cfg.Listen, text)
}
