package cli

import (
	"context"
	"path"
	"path/filepath"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// located is an object by its name (a key, or a path) and by the key in it,
// which is zero if there is none.
type located struct {
	name string
	key  archive.Key
}

func idOfKey(key archive.Key) sourceID {
	return sourceID{key.Cluster, key.Node, key.Epoch, key.Seq}
}

// confirmed leaves of the copies of an object the one that the file's record
// names. Without a record, as of an increment, it is the last: the sidecar stores
// a copy only if the ones before it were not confirmed.
func confirmed(ctx context.Context, all []located, record records) ([]located, error) {
	first := func(o located) string {
		return path.Join(filepath.ToSlash(filepath.Dir(o.name)), path.Base(o.key.First().String()))
	}
	copies := map[string][]located{}
	for _, o := range all {
		copies[first(o)] = append(copies[first(o)], o)
	}
	var left []located
	for _, o := range all {
		same := copies[first(o)]
		if o.key.Kind == 0 || len(same) == 1 {
			left = append(left, o)
			continue
		}
		the := slices.MaxFunc(same, func(a, b located) int { return a.key.Copy - b.key.Copy })
		if o.key.Kind == archive.KindData {
			r, err := record(ctx, idOfKey(o.key))
			if err != nil {
				return nil, err
			}
			for _, c := range same {
				if r != nil && r.Names(c.key.String()) {
					the = c
				}
			}
		}
		if o.name == the.name {
			left = append(left, o)
		}
	}
	return left, nil
}
