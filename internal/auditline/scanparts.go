package auditline

import "bytes"

// user passes a UserInfo object into the given columns.
func (s *scanner) user(name, uid Field, groups *List, extra *Map) bool {
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
func (c *cursor) multimap(m *Map) bool {
	if !c.lit(`{`) {
		return false
	}
	m.Given = true
	if c.lit(`}`) {
		return true
	}
	var values List
	for {
		if !c.key(m) {
			return false
		}
		values.Items = m.Values
		if !c.list(&values) {
			return false
		}
		m.Values = values.Items
		m.Ends = append(m.Ends, len(m.Values))
		if !c.lit(`,`) {
			return c.lit(`}`)
		}
	}
}

// annotations passes an object of strings, whose keys must ascend.
func (s *scanner) annotations() bool {
	m := &s.e.notes
	if !s.lit(`{`) {
		return false
	}
	m.Given = true
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
		m.Values = append(m.Values, v)
		m.Ends = append(m.Ends, len(m.Values))
		if !s.lit(`,`) {
			return s.lit(`}`)
		}
	}
}

// key passes a member's name and colon; the name must be greater than the
// previous one.
func (c *cursor) key(m *Map) bool {
	k, ok := c.str()
	if !ok || !c.lit(`:`) {
		return false
	}
	if n := len(m.Keys); n > 0 && bytes.Compare(m.Keys[n-1], k) >= 0 {
		return false
	}
	m.Keys = append(m.Keys, k)
	return len(m.Keys) <= MaxItems
}

// objectMember returns the name of a member of objectRef, as it stands before
// its value. The columns are in kube-apiserver's order of members.
func objectMember(c Field) string {
	switch c {
	case ObjectResource:
		return `,"resource":`
	case ObjectNamespace:
		return `,"namespace":`
	case ObjectName:
		return `,"name":`
	case ObjectUID:
		return `,"uid":`
	case ObjectAPIGroup:
		return `,"apiGroup":`
	case ObjectAPIVersion:
		return `,"apiVersion":`
	case ObjectResourceVersion:
		return `,"resourceVersion":`
	default:
		return `,"subresource":`
	}
}

// objectRef passes the members of objectRef; its opening brace has been passed.
func (s *scanner) objectRef() bool {
	first := true
	for c := ObjectResource; c <= ObjectSubresource; c++ {
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
	if s.lit(`,"status":`) && !s.text(ResponseStatus) {
		return false
	}
	if s.lit(`,"message":`) && !s.longText(ResponseMessage) {
		return false
	}
	if s.lit(`,"reason":`) && !s.text(ResponseReason) {
		return false
	}
	if s.lit(`,"details":`) && !s.raw(ResponseDetails) {
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
	s.e.SetInt(ResponseCode, v)
	s.i += n
	return true
}
