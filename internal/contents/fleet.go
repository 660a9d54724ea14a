package contents

import (
	"context"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// Member is a node of a fleet: the sum of its last rollups and newest records.
type Member struct {
	// State is ok, gap, or a failure: unknown (no rollup or record can be read), silent (two heartbeats
	// are missing), future (its last record is of a time over two minutes from now, which says nothing
	// of its age), or the state of the input at the last heartbeat.
	State string `json:"state"`
	// Silence is the time since the last record, in seconds; 0 if the state is unknown.
	Silence int64 `json:"silence"`
	// Heartbeat and Setup are the last ones; nil: in none of the records that were read.
	Heartbeat *manifest.Heartbeat `json:"heartbeat,omitempty"`
	Setup     *manifest.Setup     `json:"setup,omitempty"`
	// Day is the sum. Its Last is the newest line in a finished file, its Gaps are those recorded since
	// Options.Since.
	Day
}

// Fails says whether the node is silent, or its log did not arrive.
func (m Member) Fails() bool { return m.State != "ok" && m.State != "gap" }

// Fleet returns the nodes of an archive by cluster and node. It reads the last rollup of each tree,
// those of the days since opt.Since, and the records after them.
func Fleet(ctx context.Context, bucket *archive.Bucket, opt Options, now time.Time) (all []Member, err error) {
	read, err := readNodes(ctx, bucket, opt)
	for _, r := range read {
		m := Member{State: "ok", Day: append(Nodes(r.sorted()), Day{Cluster: r.cluster, Node: r.node})[0], Heartbeat: r.newest[manifest.KindHeartbeat].Heartbeat, Setup: r.newest[manifest.KindSetup].Setup}
		m.Gaps = slices.DeleteFunc(m.Gaps, func(g manifest.RollupGap) bool { return g.Recorded.Before(opt.Since) })
		m.Silence = int64(now.Sub(m.Recorded).Seconds())
		beat := manifest.Heartbeat{Every: 3600} // of a node without one
		if m.Heartbeat != nil {
			beat = *m.Heartbeat
		}
		switch {
		case m.Recorded.IsZero():
			m.State, m.Silence = "unknown", 0
		case m.Silence < -120:
			m.State = "future"
		case m.Silence-beat.Every > beat.Every:
			m.State = string(manifest.InputSilent)
		case beat.Input != nil && beat.Input.State != manifest.InputSilent:
			m.State = string(beat.Input.State)
		case len(m.Gaps) > 0:
			m.State = "gap"
		}
		all = append(all, m)
	}
	return all, err
}
