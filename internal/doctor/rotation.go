package doctor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// enough is how long an outage of the archive should last without a loss.
const enough = 24 * time.Hour

// checkRotation says how long the archive may be unavailable: until kube-apiserver
// prunes the rotated files, and from then until the held files fill their budget.
func checkRotation(_ context.Context, cfg *Config) []Result {
	segments, err := cfg.Log.Segments()
	if err != nil {
		return nil // checkAuditDir says it
	}
	maxSize := cfg.pod.number("audit-log-maxsize", defaultMaxSize) << 20
	rate, over := measuredRate(segments, maxSize)
	if rate <= 0 {
		return one(Info, "look again when the log was rotated twice", "the rate of the log is not known yet: it takes two backups to measure it")
	}
	found := fmt.Sprintf("%s a second over the last %s", humanBytes(int64(rate)), short(over))
	lasts := func(n int64) time.Duration { return time.Duration(min(float64(n)/rate, 1e9)) * time.Second }
	var pruned time.Duration
	if logs := cfg.pod.logBytes(); logs > 0 {
		pruned = lasts(logs - maxSize)
		if age := cfg.pod.number("audit-log-maxage", 366); age > 0 {
			pruned = min(pruned, time.Duration(age)*24*time.Hour)
		}
		found += fmt.Sprintf("; kube-apiserver rotates every %s and prunes after %s", short(lasts(maxSize)), short(pruned))
	}
	size, free, err := durable.Space(existing(cfg.StateDir))
	if err != nil {
		return one(Info, "", "%s; %s", found, err)
	}
	budget := cfg.Budget.Resolve(size)
	held := lasts(min(budget.MaxBytes, max(free-budget.MinFree, 0)))
	found += fmt.Sprintf("; held files may grow for %s more: an outage of the archive of %s loses nothing", short(held), short(pruned+held))
	if pruned+held < enough {
		return one(Warning, "raise --held-max-bytes or kube-apiserver's --audit-log-maxbackup, or log less (`auditsidecar policy lint`)", "%s", found)
	}
	return one(OK, "", "%s", found)
}

// measuredRate returns the bytes a second that were logged between the oldest
// and the newest backup. A compressed one counts as a full file.
func measuredRate(segments []rotate.Segment, maxSize int64) (rate float64, over time.Duration) {
	backups := slices.DeleteFunc(slices.Clone(segments), func(s rotate.Segment) bool { return !s.Finished })
	if len(backups) < 2 {
		return 0, 0
	}
	var n int64
	for _, s := range backups[1:] { // the first one was begun before the time that is measured
		if s.Gzip {
			n += maxSize
		} else {
			n += s.Size
		}
	}
	over = backups[len(backups)-1].Rotated.Sub(backups[0].Rotated)
	if over <= 0 {
		return 0, 0
	}
	return float64(n) / over.Seconds(), over
}

// short writes a duration to the second.
func short(d time.Duration) string { return model.Duration(d.Round(time.Second)).String() }
