package redact

import "bytes"

// patch applies the positions to the JSON patch (RFC 6902) at i, and
// returns where it ends. An element that is not an operation, or one whose path cannot be
// read, is replaced as a whole.
func (w *walk) patch(i int, positions []*node) int {
	return children(w.b, i, func(_ []byte, i int) int {
		if path, known := pointer(w.b, i); known {
			return w.operation(i, path, positions)
		}
		return w.notAnOperation(i, positions)
	})
}

// notAnOperation replaces a value that no operation of a patch has, unless no rule is about the patch.
func (w *walk) notAnOperation(i int, positions []*node) int {
	if len(positions) > 0 {
		return w.leaves(i)
	}
	return w.value(i, nil, 0)
}

// operation is patch for one operation.
func (w *walk) operation(i int, path [][]byte, root []*node) int {
	base := len(w.positions)
	defer func() { w.positions = w.positions[:base] }()
	hit, whole := hits(root)
	holder, below, last := []*node(nil), root, []byte(nil)
	for _, segment := range path {
		holder, last = below, segment
		below = w.step(holder, segment, isIndex(segment), -1, 0)
		h, all := hits(below)
		hit, whole = hit || h, whole || all
	}
	if whole {
		return w.single(i) // its path has names, too
	}
	return children(w.b, i, func(key []byte, value int) int {
		switch string(bytes.ToLower(key)) {
		case "op", "path", "from":
			return skip(w.b, value)
		case "value":
			if hit || w.holdsManifest(value, holder) {
				return w.leaves(value)
			}
			if isIndex(last) {
				below = w.step(holder, last, true, value, 0)
			}
			return w.value(value, below, 0)
		}
		return w.notAnOperation(value, root)
	})
}

// pointer returns the segments of the JSON pointer (RFC 6901) that is the path
// of the operation at i; known is false where there is not exactly one.
func pointer(b []byte, i int) (path [][]byte, known bool) {
	paths := 0
	for key, value := range members(b, i) {
		if !isName(key, "path") {
			continue
		}
		p := text(b[value.from:value.to])
		if paths++; paths > 1 || at(b, value.from) != '"' || len(p) > 0 && p[0] != '/' {
			return nil, false
		}
		if len(p) > 0 { // or it is the whole document
			path = bytes.Split(p[1:], []byte("/"))
		}
	}
	for i, segment := range path {
		segment = bytes.ReplaceAll(segment, []byte("~1"), []byte("/"))
		path[i] = bytes.ReplaceAll(segment, []byte("~0"), []byte("~"))
	}
	return path, paths == 1
}

// isIndex says whether a segment of a pointer can be that of a list's element.
func isIndex(segment []byte) bool {
	return string(segment) == "-" || len(segment) > 0 && len(bytes.Trim(segment, "0123456789")) == 0
}
