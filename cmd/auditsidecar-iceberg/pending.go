package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/records"
	"github.com/auditsidecar/auditsidecar/internal/rollups"
)

// node is a node of a cluster.
type node struct{ cluster, name string }

func (n node) String() string { return n.cluster + "/" + n.name }

// position is the last record of a node whose objects are in the table: 0001-000000000777, and
// the day of the rollup that may have it.
type position struct {
	tree   int
	number int64
	day    string
}

var positionForm = regexp.MustCompile(`^([0-9]{4})-([0-9]{12,18})-([0-9]{4}-[0-9]{2}-[0-9]{2})$`)

func (p position) String() string { return fmt.Sprintf("%04d-%012d-%s", p.tree, p.number, p.day) }

func parsePosition(text string) (position, error) {
	m := positionForm.FindStringSubmatch(text)
	if m == nil {
		return position{}, fmt.Errorf("%q is not a position", text)
	}
	tree, _ := strconv.Atoi(m[1])
	number, _ := strconv.ParseInt(m[2], 10, 64)
	return position{tree: tree, number: number, day: m[3]}, nil
}

// joins says whether a record is the next one of its node.
func (p position) joins(key archive.Key) bool {
	return key.Tree == p.tree && key.Number == p.number+1 || key.Tree > p.tree && key.Number == 1
}

// step is the next record of a node.
type step struct {
	node   node
	key    archive.Key
	copies []string         // of the record, in the order of their numbers
	record *manifest.Record // nil: it is of no file
	err    error            // the record is missing or damaged
	read   chan struct{}    // closed once the record was read
}

// requests are the records that are read at a time, window those that are kept meanwhile.
const (
	requests = 32
	window   = 512
)

// pending lists the records of an archive after some positions, by node, in their order, and reads
// ahead of the caller. An error says that the archive is unavailable.
func pending(ctx context.Context, bucket *archive.Bucket, from map[node]position) iter.Seq2[step, error] {
	return func(yield func(step, error) bool) {
		group, reading := errgroup.WithContext(ctx)
		reading, cancel := context.WithCancel(reading)
		defer cancel()
		toRead, inOrder := make(chan *step), make(chan *step, window)
		group.Go(func() error {
			defer close(toRead)
			defer close(inOrder)
			return send(reading, listed(reading, bucket, from), toRead, inOrder)
		})
		for range requests {
			group.Go(func() error { return readSteps(reading, bucket, toRead) })
		}
		for s := range inOrder {
			select {
			case <-s.read:
			case <-reading.Done():
			}
			if reading.Err() != nil { // this one may be unread: no later one may follow
				continue
			}
			if !yield(*s, nil) {
				cancel()
				_ = group.Wait() // the caller has ended it
				return
			}
		}
		if err := cmp.Or(group.Wait(), ctx.Err()); err != nil {
			yield(step{}, err)
		}
	}
}

// send sends each record to all channels.
func send(ctx context.Context, steps iter.Seq2[step, error], to ...chan<- *step) error {
	for s, err := range steps {
		if err != nil {
			return err
		}
		s.read = make(chan struct{})
		for _, c := range to {
			select {
			case c <- &s:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// readSteps reads records that have copies.
func readSteps(ctx context.Context, bucket *archive.Bucket, steps <-chan *step) error {
	for s := range steps {
		if len(s.copies) > 0 {
			r, err := records.ReadCopies(ctx, bucket, slices.Values(s.copies))
			switch {
			case records.Unusable(err):
				s.err = err
			case err != nil:
				return err
			case r.Kind == manifest.KindFile:
				s.record = &r
			}
		}
		close(s.read)
	}
	return nil
}

// listed lists the records, those of no file without copies to read if a rollup says so.
func listed(ctx context.Context, bucket *archive.Bucket, from map[node]position) iter.Seq2[step, error] {
	return func(yield func(step, error) bool) {
		var index *rolled
		defer func() { index.close() }()
		// emit yields a record of which all copies are known, and says whether to continue.
		emit := func(s step) bool {
			if s.key.Kind == 0 {
				return true
			}
			if index == nil || index.node != s.node {
				index.close()
				index = newRolled(ctx, bucket, s.node, from[s.node])
			}
			other, err := index.isOther(s.key)
			if other {
				s.copies = nil
			}
			return yield(s, err) && err == nil
		}
		var s step
		for info, err := range bucket.ListAfter(ctx, "manifests/", after(from)) {
			if err != nil {
				yield(step{}, err)
				return
			}
			key, err := archive.ParseKey(info.Key)
			if err != nil || key.Kind != archive.KindManifest {
				continue
			}
			if key.First() == s.key {
				s.copies = append(s.copies, info.Key)
				continue
			}
			if !emit(s) {
				return
			}
			s = step{node: node{key.Cluster, key.Node}, key: key.First(), copies: []string{info.Key}}
		}
		emit(s)
	}
}

// after returns for the key of a record the one behind which the listing resumes: that of its
// node's position.
func after(from map[node]position) func(key string) string {
	return func(key string) string {
		k, err := archive.ParseKey(key)
		if err != nil {
			return ""
		}
		p, ok := from[node{k.Cluster, k.Node}]
		if !ok {
			return ""
		}
		return fmt.Sprintf("manifests/cluster=%s/node=%s/%04d-%012d-~", k.Cluster, k.Node, p.tree, p.number)
	}
}

// rolled says which records the rollups of a node name as those of files.
type rolled struct {
	node  node
	next  func() (rollups.Day, error, bool)
	stop  func()
	now   *rollups.Rollup
	files map[int64]bool
}

func newRolled(ctx context.Context, bucket *archive.Bucket, n node, from position) *rolled {
	x := &rolled{node: n}
	x.next, x.stop = iter.Pull2(func(yield func(rollups.Day, error) bool) {
		for day, err := range rollups.List(ctx, bucket, n.cluster, n.name) {
			if err == nil {
				if day.Key.Tree < from.tree || day.Key.Tree == from.tree && day.Key.Day < from.day {
					continue
				}
				day, err = rollups.Read(ctx, bucket, day)
			}
			if !yield(day, err) || err != nil {
				return
			}
		}
	})
	return x
}

func (x *rolled) close() {
	if x != nil {
		x.stop()
	}
}

// isOther says whether a rollup sums up the record, and it is of no file. Keys are asked for in
// their order.
func (x *rolled) isOther(key archive.Key) (bool, error) {
	for x.now == nil || int(x.now.Tree) < key.Tree || int(x.now.Tree) == key.Tree && x.now.To < key.Number {
		day, err, more := x.next()
		switch {
		case err != nil:
			return false, fmt.Errorf("read the rollups of %s: %w", x.node, err)
		case !more:
			return false, nil
		case day.Err != nil: // its records are read
			continue
		}
		x.now, x.files = day.Rollup, map[int64]bool{}
		for _, f := range x.now.Recorded {
			x.files[f.Number] = true
		}
	}
	return int(x.now.Tree) == key.Tree && x.now.From <= key.Number && !x.files[key.Number], nil
}
