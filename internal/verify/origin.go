package verify

import "github.com/auditsidecar/auditsidecar/internal/archive"

// origin is the place of a file in the chain of an epoch, as its objects and
// their rows bear it.
type origin struct {
	epoch string
	seq   int64
}

// origin is that of the record itself, or, where an earlier epoch was lost after
// it had stored objects of the file and before it recorded them, the number that
// these objects have from there.
func (r *record) origin() origin {
	if len(r.Objects) > 0 {
		if key, err := archive.ParseKey(r.Objects[0].Key); err == nil && key.Epoch < r.Epoch {
			return origin{key.Epoch, key.Seq}
		}
	}
	return origin{r.Epoch, r.Seq}
}

// numbers says whether the record may name an object with this key.
func (r *record) numbers(key archive.Key) bool {
	return key.Cluster == r.Cluster && key.Node == r.Node && r.origin() == (origin{key.Epoch, key.Seq})
}
