package verify

import (
	"cmp"
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/rollups"
)

// Options select the checks: its fields are the flags of the verb. The zero value checks the chains and the objects
// of the whole archive.
type Options struct {
	// Cluster and Node leave out other logs; empty: all.
	Cluster, Node string
	// From and To leave out files whose lines are all outside; where To is set, the
	// records must reach it. The tree is made of all records: for other days their
	// rollups stand for them, where there are trusted ones, else they are read.
	From, To time.Time
	// ChainOnly looks at the records and at no object.
	ChainOnly bool
	// Rollups takes, of all days that have one, the rollup instead of the records, whose
	// keys are listed only. It looks at no object.
	Rollups bool
	// Deep restores every file and computes its hashes again.
	Deep bool
	// Jobs is how many files Deep restores at once; 0: one for each processor.
	Jobs int
	// Versions finds objects that a bucket with versions hides.
	Versions bool
	// ExpireDays is after how many days the lifecycle deletes data: what is older may be
	// missing. 0: never.
	ExpireDays uint
	// ExpectHeads are roots that a tree must have had.
	ExpectHeads []string
	// State is the state of an earlier run; nil: nothing is trusted, and nothing kept.
	State *State
	// Keys are the public keys to trust; none: the first of each tree.
	Keys []manifest.TrustedKey
	// Accept are the origins of trees after the first that are no finding.
	Accept []string
	// Now is the time that the age of objects is measured at; zero: that of the call.
	Now time.Time
	// Progress, if set, is called as a stage proceeds, by several goroutines.
	Progress func(stage string, done, total int64)

	event *EventID // of Prove
}

// Requests is how many requests are in flight on S3, where each takes long.
const Requests = 64

// workers is how many records, or objects that are not restored, are read at once.
func (v *verification) workers() int {
	if v.archive.Dir() == "" {
		return Requests
	}
	return runtime.GOMAXPROCS(0)
}

// atOnce is how many files are checked at once, where workers are read.
func (opt *Options) atOnce(workers int) int {
	if opt.Deep {
		return cmp.Or(opt.Jobs, runtime.GOMAXPROCS(0))
	}
	return workers
}

// verification is the state of one call of Run.
type verification struct {
	archive *archive.Bucket
	opt     Options
	allLogs
	found findings

	incremental bool // only records after those that State trusts are read
	resumeAt    resumeAt
	named       map[string]bool // objects that the records name, once data/ is listed
	skipped     skips
	heads       map[string]bool                   // Options.ExpectHeads, and roots that the trees had
	again       func(rollups.Day) *rollups.Rollup // reads a rollup again
}

// Run verifies an archive. Faults are in the report; an error means that
// it could not be read.
func Run(ctx context.Context, a *archive.Bucket, opt Options) (*Report, error) {
	v, err := run(ctx, a, opt)
	if err != nil {
		return nil, err
	}
	return &v.found.report, nil
}

// Records passes the keys of the records that Run would read to do: those of a
// that no rollup of sums, which has the rollups of a, stands for.
func Records(ctx context.Context, a, sums *archive.Bucket, opt Options, do func(archive.Key)) error {
	v, err := newVerification(ctx, sums, opt)
	if err != nil {
		return err
	}
	v.archive = a
	return v.listRecords(ctx, func(it *item) { do(it.key) })
}

// newVerification begins with the rollups.
func newVerification(ctx context.Context, a *archive.Bucket, opt Options) (*verification, error) {
	v := &verification{archive: a, opt: opt, allLogs: allLogs{byName: map[[2]string]*nodeLog{}}, resumeAt: resumeAt{}, skipped: skips{}, heads: map[string]bool{}, found: findings{report: newReport(opt)}}
	for _, root := range opt.ExpectHeads {
		v.heads[root] = false
	}
	v.begin()
	return v, (summing{v}).readAll(ctx)
}

func run(ctx context.Context, a *archive.Bucket, opt Options) (*verification, error) {
	v, err := newVerification(ctx, a, opt)
	if err != nil {
		return nil, err
	}
	if err := v.readRecords(ctx); err != nil {
		return nil, err
	}
	v.endRecords()
	for _, log := range v.logs {
		for _, e := range log.epochs {
			e.summarize()
			e.missingNumbers(&v.found)
		}
		log.checkTrees(opt.Accept, &v.found)
		log.checkCover(opt, &v.found)
		for _, e := range log.epochs {
			e.checkSeen(&v.found)
			e.checkCounts(&v.found)
			e.checkInput(&v.found)
		}
		log.report(&v.found)
	}
	checkNodes(v)
	v.checkHeads()
	if err := (summing{v}).checkForms(ctx); err != nil {
		return nil, err
	}
	if !opt.ChainOnly && !opt.Rollups {
		if err := v.checkObjects(ctx); err != nil {
			return nil, err
		}
		if err := v.checkIncrements(ctx); err != nil {
			return nil, err
		}
	}
	if opt.Versions {
		if err := checkVersions(ctx, v); err != nil {
			return nil, err
		}
	}
	v.found.report.Empty = !v.haveFile() && v.found.report.Unrecorded == 0
	v.keepState()
	v.found.report.finish()
	return v, nil
}

// keysOf are the given keys of a node.
func (opt *Options) keysOf(log *nodeLog) []manifest.TrustedKey {
	keys := []manifest.TrustedKey{}
	for _, key := range opt.Keys {
		if strings.HasPrefix(key.Vkey, manifest.KeyName(log.cluster, log.node)+"+") {
			keys = append(keys, key)
		}
	}
	return keys
}

// overlaps says whether some of the time from from to to was asked for.
func (opt *Options) overlaps(from, to time.Time) bool {
	return (opt.From.IsZero() || !to.Before(opt.From)) && (opt.To.IsZero() || !from.After(opt.To))
}

// each calls do for the numbers from 0 to n-1, several at once, until one
// fails or ctx is done.
func (v *verification) each(ctx context.Context, stage string, n int, do func(ctx context.Context, i int) error) error {
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(v.opt.atOnce(v.workers()))
	var done atomic.Int64
	for i := 0; i < n && inner.Err() == nil; i++ {
		group.Go(func() error {
			if err := do(inner, i); err != nil {
				return err
			}
			if v.opt.Progress != nil {
				v.opt.Progress(stage, done.Add(1), int64(n))
			}
			return nil
		})
	}
	return cmp.Or(group.Wait(), context.Cause(ctx))
}
