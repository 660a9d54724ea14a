package doctor

import (
	"context"
	"net/http"
	"time"
)

const (
	// warnSkew is more than an answer's Date, in whole seconds, and its way
	// account for.
	warnSkew = 5 * time.Second
	// errorSkew is where S3 will soon refuse requests: it does at 15 minutes.
	errorSkew = 5 * time.Minute
)

// checkClock asks the kernel whether the clock is kept.
func checkClock(_ context.Context, cfg *Config) []Result {
	synced, err := cfg.ClockSynced()
	switch {
	case err != nil:
		return one(Info, "", "whether the clock is kept by NTP cannot be found out: %s", err)
	case !synced:
		return one(Warning, "run chrony or systemd-timesyncd", "the clock is not kept by NTP: the times in the log and its order across nodes drift, and S3 refuses requests that are 15 minutes off")
	}
	return one(OK, "", "the clock is kept by NTP")
}

// checkSkew compares the clock with those of the archive and of Loki.
func checkSkew(ctx context.Context, cfg *Config) (all []Result) {
	for _, peer := range []struct {
		what, url string
		client    *http.Client
	}{{"the archive", cfg.ArchiveProbe, http.DefaultClient}, {"Loki", cfg.LokiURL, cfg.LokiHTTP}} {
		if peer.url == "" || peer.client == nil {
			continue
		}
		skew, ok := skewTo(ctx, cfg, peer.client, peer.url)
		if !ok {
			continue // another check reports that it cannot be reached
		}
		r := result(OK, "", "the clock and that of %s differ by %s", peer.what, skew.Abs().Round(time.Second))
		if skew.Abs() >= warnSkew {
			r.Severity, r.Fix = Warning, "set the clock (NTP), here or there"
		}
		if skew.Abs() >= errorSkew {
			r.Severity = Error
		}
		all = append(all, r)
	}
	return all
}

// skewTo asks for the Date of any answer.
func skewTo(ctx context.Context, cfg *Config, client *http.Client, url string) (time.Duration, bool) {
	begun := cfg.Now()
	answer, err := ask(ctx, peer{client: client}, http.MethodHead, url, "")
	ended := cfg.Now()
	date, dateErr := http.ParseTime(answer.date)
	if err != nil || dateErr != nil {
		return 0, false
	}
	return ended.Add(-ended.Sub(begun) / 2).Sub(date.Add(time.Second / 2)), true
}
