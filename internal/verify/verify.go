package verify

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// Archive is what is verified. [archive.Bucket] is one.
type Archive interface {
	// List yields the objects whose keys begin with prefix, sorted by key.
	List(ctx context.Context, prefix string) iter.Seq2[archive.Info, error]
	// Stat describes one object.
	Stat(ctx context.Context, key string) (archive.Info, error)
	// Open opens one object.
	Open(ctx context.Context, key string) (*archive.Object, error)
}

// Options say what to verify. The zero value checks the chains and the objects
// of the whole archive.
type Options struct {
	// Cluster and Node leave out other logs; empty: all.
	Cluster, Node string
	// From and To leave out files whose lines are all outside. Records before
	// From may be missing as long as one of them joins; where To is set, the
	// records must reach it.
	From, To time.Time
	// ChainOnly looks at the records and at no object.
	ChainOnly bool
	// Deep restores every file and computes its hashes anew.
	Deep bool
	// ExpectHead is the SHA-256 of a record that must be there.
	ExpectHead string
	// Keys are the public keys to trust; none: the first of each log.
	Keys []ed25519.PublicKey
	// Workers is how many objects are looked at at once; 0: one for each core.
	Workers int
	// TempDir takes the temporary files of Deep.
	TempDir string
	// Progress hears how far a stage has come; nil: nobody does. It may be
	// called by several goroutines.
	Progress func(stage string, done, total int64)
}

// verification is the state of one call of Run.
type verification struct {
	archive Archive
	opt     Options
	logs    []*nodeLog

	mu     sync.Mutex // guards report
	report Report
}

// Run verifies an archive. What is wrong with it is in the report; an error
// means that it could not be looked at.
func Run(ctx context.Context, a Archive, opt Options) (*Report, error) {
	v, err := run(ctx, a, opt)
	if err != nil {
		return nil, err
	}
	return &v.report, nil
}

func run(ctx context.Context, a Archive, opt Options) (*verification, error) {
	if opt.Workers < 1 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	v := &verification{archive: a, opt: opt}
	v.report.Asked = asked(opt)
	v.report.Findings, v.report.Nodes, v.report.Notes = []Finding{}, []Node{}, []string{}
	if err := v.load(ctx); err != nil {
		return nil, err
	}
	for _, log := range v.logs {
		v.checkLog(log)
	}
	v.checkHead()
	if !opt.ChainOnly {
		if err := v.checkObjects(ctx); err != nil {
			return nil, err
		}
		if err := v.checkIncrements(ctx); err != nil {
			return nil, err
		}
	}
	v.report.finish()
	return v, nil
}

func asked(opt Options) Asked {
	a := Asked{Cluster: opt.Cluster, Node: opt.Node, From: opt.From, To: opt.To, ChainOnly: opt.ChainOnly, Deep: opt.Deep, ExpectHead: opt.ExpectHead}
	for _, key := range opt.Keys {
		a.Keys = append(a.Keys, manifest.KeyID(key))
	}
	return a
}

func (v *verification) find(f Finding) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Findings = append(v.report.Findings, f)
}

func (v *verification) note(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Notes = append(v.report.Notes, fmt.Sprintf(format, args...))
}

func (v *verification) progress(stage string, done, total int64) {
	if v.opt.Progress != nil {
		v.opt.Progress(stage, done, total)
	}
}

// each calls do for the numbers from 0 to n-1, several at once, until one
// fails or ctx is done. A stage without a name shows no progress.
func (v *verification) each(ctx context.Context, stage string, n int, do func(ctx context.Context, i int) error) error {
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(v.opt.Workers)
	var done atomic.Int64
	for i := 0; i < n && inner.Err() == nil; i++ {
		group.Go(func() error {
			if err := do(inner, i); err != nil {
				return err
			}
			if stage != "" {
				v.progress(stage, done.Add(1), int64(n))
			}
			return nil
		})
	}
	return cmp.Or(group.Wait(), context.Cause(ctx))
}
