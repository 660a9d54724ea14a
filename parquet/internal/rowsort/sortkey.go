package rowsort

import (
	"bytes"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// maxKeyPart is how much of a name counts for the order of rows. Kubernetes
// names are 253 bytes at most; a line can hold anything.
const maxKeyPart = 512

// AppendKey appends resource, namespace and name of an object in a form
// whose bytes compare as the three values do, null first.
func AppendKey(dst []byte, o auditline.Object) []byte {
	for _, v := range [...][]byte{o.Resource, o.Namespace, o.Name} {
		if v == nil {
			dst = append(dst, 0)
			continue
		}
		v = v[:min(len(v), maxKeyPart)]
		dst = append(dst, 1)
		// A NUL is written as two bytes, so that the terminator is less than
		// anything that may follow.
		if bytes.IndexByte(v, 0) >= 0 {
			v = bytes.ReplaceAll(v, []byte{0}, []byte{0, 0xff})
		}
		dst = append(append(dst, v...), 0, 1)
	}
	return dst
}

// CutsKey reports whether an object's sort key is not all of its values. If one
// is cut, rows with the same beginning are in the order of their times.
func CutsKey(o auditline.Object) bool {
	return len(o.Resource) > maxKeyPart || len(o.Namespace) > maxKeyPart || len(o.Name) > maxKeyPart
}
