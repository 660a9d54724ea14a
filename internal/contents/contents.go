// Package contents lists the content of an archive, from its rollups and records alone: no data
// object is listed or read, and nothing is proven (see package verify).
//
//	days, err := contents.Read(ctx, bucket, contents.Options{})
//
// A rollup stands for its records if it is one and continues the one before. All other
// records are read, which are those of the last one or two days of a node.
package contents

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/records"
	"github.com/auditsidecar/auditsidecar/internal/rollups"
)

// requests are the records that are read at a time.
const requests = 32

// Options say what to read.
type Options struct {
	Cluster, Node string // empty: all
	// Note gets the parts that were left out, and why.
	Note func(text string)
}

// Day is the sum of one node's records of one UTC day.
type Day struct {
	Cluster string    `json:"cluster"`
	Node    string    `json:"node"`
	Day     string    `json:"day"`
	Files   int64     `json:"files"`
	Lines   int64     `json:"lines"`
	Bytes   int64     `json:"bytes"` // of the files, uncompressed
	First   time.Time `json:"first,omitzero"`
	Last    time.Time `json:"last,omitzero"`
	Records int64     `json:"records"`
	// Recorded is the time of the last record.
	Recorded time.Time            `json:"recorded"`
	Epochs   []string             `json:"epochs,omitempty"` // of files
	Gaps     []manifest.RollupGap `json:"gaps,omitempty"`
}

// tree is one tree of records.
type tree struct {
	cluster, node string
	number        int
}

// reading collects the days.
type reading struct {
	bucket *archive.Bucket
	opt    Options
	before map[tree]*rollups.Rollup // the last one that continues those before it

	mu   sync.Mutex         // of the fields below
	days map[[3]string]*Day // by cluster, node and day
}

// Read returns the days by cluster, node and day. An error says that the archive is
// unavailable.
func Read(ctx context.Context, bucket *archive.Bucket, opt Options) ([]Day, error) {
	r := &reading{bucket: bucket, opt: opt, before: map[tree]*rollups.Rollup{}, days: map[[3]string]*Day{}}
	for day, err := range rollups.All(ctx, bucket, opt.Cluster, opt.Node) {
		if err != nil {
			return nil, fmt.Errorf("read the rollups: %w", err)
		}
		r.rollup(day)
	}
	if err := r.records(ctx); err != nil {
		return nil, fmt.Errorf("read the records: %w", err)
	}
	var all []Day
	for _, d := range r.days {
		all = append(all, *d)
	}
	slices.SortFunc(all, func(a, b Day) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Day, b.Day))
	})
	return all, nil
}

func (r *reading) note(format string, args ...any) {
	if r.opt.Note != nil {
		r.opt.Note(fmt.Sprintf(format, args...))
	}
}

// rollup adds a day, if it continues the one before.
func (r *reading) rollup(day rollups.Day) {
	err := day.Err
	t := tree{day.Key.Cluster, day.Key.Node, day.Key.Tree}
	if err == nil {
		err = day.Rollup.Follows(r.before[t])
	}
	if err != nil {
		r.note("%s: %v; its records are read", day.Key, err)
		return
	}
	r.before[t] = day.Rollup
	r.add(&day.Rollup.Rollup)
}

// records adds the records after the rollups.
func (r *reading) records(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(requests)
	var last archive.Key
	for info, err := range r.bucket.List(ctx, rollups.Prefix("manifests/", r.opt.Cluster, r.opt.Node)) {
		if err != nil {
			return joined(group.Wait(), err)
		}
		key, err := archive.ParseKey(info.Key)
		first := key.First()
		if err != nil || key.Kind != archive.KindManifest || first == last || r.opt.Node != "" && key.Node != r.opt.Node {
			continue // no record, or a copy of the one before
		}
		last = first
		if before := r.before[tree{key.Cluster, key.Node, key.Tree}]; before != nil && key.Number <= before.To {
			continue
		}
		group.Go(func() error { return r.record(ctx, first) })
	}
	return group.Wait()
}

// joined returns the cause of a listing that ended: the read that failed, if any did.
func joined(read, listing error) error {
	if read != nil {
		return read
	}
	return listing
}

// record adds one record.
func (r *reading) record(ctx context.Context, key archive.Key) error {
	record, err := records.Read(ctx, r.bucket, key.String())
	if records.Unusable(err) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.note("%s: %v", key, err)
		return nil
	}
	if err != nil {
		return err
	}
	sum := manifest.NewRollup(key.Cluster, key.Node, key.Tree, manifest.Tree{})
	sum.Add(&manifest.Entry{Record: record})
	r.add(sum)
	return nil
}

// add adds the sum of some records of a day.
func (r *reading) add(sum *manifest.Rollup) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := [3]string{sum.Cluster, sum.Node, sum.Day}
	d := r.days[id]
	if d == nil {
		d = &Day{Cluster: sum.Cluster, Node: sum.Node, Day: sum.Day}
		r.days[id] = d
	}
	d.Files, d.Lines, d.Bytes, d.Records = d.Files+sum.Files, d.Lines+sum.Lines, d.Bytes+sum.Bytes, d.Records+int64(len(sum.Leaves))
	var epochs []string
	for _, f := range sum.Recorded {
		epochs = append(epochs, f.Epoch)
	}
	d.widen(sum.First, sum.Last, sum.Ended, epochs)
	d.Gaps = append(d.Gaps, sum.Gaps...)
	slices.SortFunc(d.Gaps, func(a, b manifest.RollupGap) int { return cmp.Compare(a.Number, b.Number) })
}

// Nodes sums up days by node.
func Nodes(days []Day) (nodes []Day) {
	for _, d := range days {
		n := len(nodes) - 1
		if n < 0 || nodes[n].Cluster != d.Cluster || nodes[n].Node != d.Node {
			nodes = append(nodes, d)
			continue
		}
		sum := &nodes[n]
		sum.Day, sum.Files, sum.Lines, sum.Bytes, sum.Records = d.Day, sum.Files+d.Files, sum.Lines+d.Lines, sum.Bytes+d.Bytes, sum.Records+d.Records
		sum.widen(d.First, d.Last, d.Recorded, d.Epochs)
		sum.Gaps = slices.Concat(sum.Gaps, d.Gaps)
	}
	return nodes
}

// widen extends the times of a day, and adds the epochs of files.
func (d *Day) widen(first, last, recorded time.Time, epochs []string) {
	if !first.IsZero() && (d.First.IsZero() || first.Before(d.First)) {
		d.First = first
	}
	if last.After(d.Last) {
		d.Last = last
	}
	if recorded.After(d.Recorded) {
		d.Recorded = recorded
	}
	d.Epochs = slices.Concat(d.Epochs, epochs)
	slices.Sort(d.Epochs)
	d.Epochs = slices.Compact(d.Epochs)
}
