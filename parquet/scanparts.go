package parquet

import "bytes"

// user passes a UserInfo object into the given columns.
func (s *scanner) user(name, uid column, groups *texts, extra *multimap) bool {
	if !s.lit(`{`) {
		return false
	}
	first := true
	if s.member(`,"username":`, first) {
		if first = false; !s.text(name) {
			return false
		}
	}
	if s.member(`,"uid":`, first) {
		if first = false; !s.text(uid) {
			return false
		}
	}
	if s.member(`,"groups":`, first) {
		if first = false; !s.list(groups) {
			return false
		}
	}
	if s.member(`,"extra":`, first) && !s.multimap(extra) {
		return false
	}
	return s.lit(`}`)
}

// multimap passes an object of lists of strings, whose keys must ascend: that
// is how encoding/json writes a map, and it excludes duplicate keys, which
// some readers refuse in a MAP.
func (s *scanner) multimap(m *multimap) bool {
	if !s.lit(`{`) {
		return false
	}
	m.given = true
	if s.lit(`}`) {
		return true
	}
	var values texts
	for {
		if !s.key(m) {
			return false
		}
		values.items = m.values
		if !s.list(&values) {
			return false
		}
		m.values = values.items
		m.ends = append(m.ends, len(m.values))
		if !s.lit(`,`) {
			return s.lit(`}`)
		}
	}
}

// annotations passes an object of strings, whose keys must ascend.
func (s *scanner) annotations() bool {
	m := &s.e.notes.multimap
	if !s.lit(`{`) {
		return false
	}
	m.given = true
	if s.lit(`}`) {
		return true
	}
	for {
		if !s.key(m) {
			return false
		}
		v, ok := s.str()
		if !ok {
			return false
		}
		m.values = append(m.values, v)
		m.ends = append(m.ends, len(m.values))
		if !s.lit(`,`) {
			return s.lit(`}`)
		}
	}
}

// key passes a member's name and colon; the name must be greater than the
// previous one.
func (s *scanner) key(m *multimap) bool {
	k, ok := s.str()
	if !ok || !s.lit(`:`) {
		return false
	}
	if n := len(m.keys); n > 0 && bytes.Compare(m.keys[n-1], k) >= 0 {
		return false
	}
	m.keys = append(m.keys, k)
	return len(m.keys) <= maxItems
}

// objectMember returns the name of a member of objectRef, as it stands before
// its value. The columns are in kube-apiserver's order of members.
func objectMember(c column) string {
	switch c {
	case colObjResource:
		return `,"resource":`
	case colObjNamespace:
		return `,"namespace":`
	case colObjName:
		return `,"name":`
	case colObjUID:
		return `,"uid":`
	case colObjAPIGroup:
		return `,"apiGroup":`
	case colObjAPIVersion:
		return `,"apiVersion":`
	case colObjResourceVersion:
		return `,"resourceVersion":`
	default:
		return `,"subresource":`
	}
}

// objectRef passes the members of objectRef; its opening brace has been passed.
func (s *scanner) objectRef() bool {
	first := true
	for c := colObjResource; c <= colObjSubresource; c++ {
		if !s.member(objectMember(c), first) {
			continue
		}
		if first = false; !s.text(c) {
			return false
		}
	}
	return s.lit(`}`)
}

// responseStatusHead is how responseStatus starts: its metadata is always empty.
const responseStatusHead = `,"responseStatus":{"metadata":{}`

// responseStatus passes what follows the empty metadata.
func (s *scanner) responseStatus() bool {
	if s.lit(`,"status":`) && !s.text(colRespStatus) {
		return false
	}
	if s.lit(`,"message":`) && !s.text(colRespMessage) {
		return false
	}
	if s.lit(`,"reason":`) && !s.text(colRespReason) {
		return false
	}
	if s.lit(`,"details":`) && !s.raw(colRespDetails) {
		return false
	}
	if s.lit(`,"code":`) && !s.number() {
		return false
	}
	return s.lit(`}`)
}

// number passes an int32 into the response code. JSON has no zeros before one.
func (s *scanner) number() bool {
	n := digits(s.b[s.i:])
	if n == 0 || n > 9 || n > 1 && s.b[s.i] == '0' {
		return false
	}
	v, _ := decimal(s.b[s.i : s.i+n])
	s.e.setInt(colCode, v)
	s.i += n
	return true
}
