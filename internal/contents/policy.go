package contents

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/records"
	"github.com/auditsidecar/auditsidecar/internal/rollups"
)

// maxBack is how many records of a node are read in search of its newest setup. There is one at
// the beginning of each epoch and at each change.
const maxBack = 5_000

// Setup is a record of settings, and its key.
type Setup struct {
	Key archive.Key
	*manifest.Setup
}

// Setups returns the newest settings of each node, by "cluster/node", among the records for
// which among (nil: all) says true; with policy, those that have an audit policy. A node without any in its
// newest records is left out and noted.
func Setups(ctx context.Context, bucket *archive.Bucket, opt Options, policy bool, among func(archive.Key) bool) (map[string]Setup, error) {
	keys := make(map[string][]archive.Key) // by node, in their order
	for info, err := range bucket.List(ctx, rollups.Prefix("manifests/", opt.Cluster, opt.Node)) {
		if err != nil {
			return nil, err
		}
		key, err := archive.ParseKey(info.Key)
		if err != nil || key.Kind != archive.KindManifest || opt.Node != "" && key.Node != opt.Node || among != nil && !among(key) {
			continue
		}
		node := key.Cluster + "/" + key.Node
		if keys[node] = append(keys[node], key); len(keys[node]) >= 2*maxBack {
			keys[node] = slices.Clone(keys[node][maxBack:])
		}
	}
	found := make(map[string]Setup)
	for node, all := range keys {
		s, unread, err := newest(ctx, bucket, all, policy)
		if err != nil {
			return nil, err
		}
		if unread != "" {
			opt.Note(fmt.Sprintf("%s: %s is no record that can be read: if it has settings, they are newer than those shown", node, unread))
		}
		if s.Setup == nil {
			opt.Note(fmt.Sprintf("%s: none of its newest %d records has the settings", node, min(len(all), maxBack)))
			continue
		}
		found[node] = s
	}
	return found, nil
}

// newest reads records from the last one back, some at a time. unread is the key of the newest one
// that cannot be read, if there is one after the settings.
func newest(ctx context.Context, bucket *archive.Bucket, keys []archive.Key, policy bool) (s Setup, unread string, err error) {
	for back := 0; back < min(len(keys), maxBack); back += requests {
		part := keys[max(0, len(keys)-back-requests) : len(keys)-back]
		read := make([]manifest.Entry, len(part))
		group, inner := errgroup.WithContext(ctx)
		for i, key := range part {
			group.Go(func() (err error) {
				read[i], err = records.ReadEntry(inner, bucket, key.String())
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return s, unread, err
		}
		for i, r := range slices.Backward(read) {
			if r.Err != nil {
				unread = cmp.Or(unread, part[i].String())
			}
			if r.Err == nil && r.Setup != nil && (!policy || r.Setup.Policy != nil) {
				return Setup{part[i], r.Setup}, unread, nil
			}
		}
	}
	return s, unread, nil
}
