package parquet

import (
	"bytes"
	"io"
	"strconv"
	"unsafe"
)

// rebuilder writes an event as kube-apiserver would have written it, or
// compares it with a line that is already there. Both are one code: what
// [Restore] writes for a line without raw is what was compared when the line
// was converted.
type rebuilder struct {
	dst  []byte
	out  io.Writer // takes dst and what is long; nil: all is appended to dst
	err  error     // of out
	want []byte    // what is left of the line to compare with
	// comparing says to compare with want and not to append to dst; differs
	// that the comparison has failed.
	comparing, differs bool
	scratch            []byte
	dates              calendar
	weaver             *weaver
}

// begin forgets the line before. It keeps scratch and the calendar.
func (b *rebuilder) begin() {
	b.dst, b.out, b.err, b.want, b.comparing, b.differs = nil, nil, nil, nil, false, false
}

// appendLine appends the event to dst.
func (b *rebuilder) appendLine(dst []byte, e *event) []byte {
	b.begin()
	b.dst = dst
	b.event(e)
	dst, b.dst = b.dst, nil
	return dst
}

// directly is the length from which a value is written to out as it is.
const directly = 256 << 10

// writeLine writes the event to w, and holds none of its long values.
func (b *rebuilder) writeLine(w io.Writer, e *event) error {
	b.begin()
	b.dst, b.scratch, b.out = b.scratch[:0], nil, w
	b.event(e)
	b.flush()
	b.out, b.scratch, b.dst = nil, b.dst[:0], nil
	return b.err
}

// flush writes what was appended to out.
func (b *rebuilder) flush() {
	if b.err == nil {
		_, b.err = b.out.Write(b.dst)
	}
	b.dst = b.dst[:0]
}

// proves reports whether the columns rebuild line byte for byte.
func (b *rebuilder) proves(line []byte, e *event) bool {
	b.begin()
	b.want, b.comparing = line, true
	b.event(e)
	ok := !b.differs && len(b.want) == 0
	b.want = nil
	return ok
}

// lit writes text as it is.
func (b *rebuilder) lit(s string) {
	switch {
	case !b.comparing:
		b.dst = append(b.dst, s...)
	case len(b.want) >= len(s) && string(b.want[:len(s)]) == s:
		b.want = b.want[len(s):]
	default:
		b.differs, b.want = true, nil
	}
}

// raw writes bytes as they are.
func (b *rebuilder) raw(v []byte) {
	switch {
	case b.out != nil && len(v) > directly:
		b.flush()
		if b.err == nil {
			_, b.err = b.out.Write(v)
		}
	case !b.comparing:
		b.dst = append(b.dst, v...)
	case len(b.want) >= len(v) && same(b.want[:len(v)], v):
		b.want = b.want[len(v):]
	default:
		b.differs, b.want = true, nil
	}
}

// same is bytes.Equal, quick where a and b are the same memory: most values are
// views into the line that they are compared with.
func same(a, b []byte) bool {
	return len(a) == len(b) && (unsafe.SliceData(a) == unsafe.SliceData(b) || bytes.Equal(a, b))
}

// quoted writes a string as encoding/json does.
func (b *rebuilder) quoted(v []byte) {
	if !b.comparing {
		if b.out != nil {
			b.writeQuoted(v)
			return
		}
		b.dst = appendQuoted(b.dst, v)
		return
	}
	want, ok := b.cutQuoted(v)
	b.want = want
	b.differs = b.differs || !ok
}

// cutQuoted returns what is left of the line after v as encoding/json writes
// it, if that is what comes next.
func (b *rebuilder) cutQuoted(v []byte) (rest []byte, ok bool) {
	want := b.want
	if len(want) == 0 || want[0] != '"' {
		return nil, false
	}
	want = want[1:]
	// Mostly there is nothing to escape. The line goes on behind the value, so
	// that no end of a slice slows this down.
	if n := plainRun(want, 0); n == len(v) && n < len(want) && want[n] == '"' && same(want[:n], v) {
		return want[n+1:], true
	}
	for {
		n := plainRun(v, 0)
		if len(want) <= n || !same(want[:n], v[:n]) {
			return nil, false
		}
		want, v = want[n:], v[n:]
		if len(v) == 0 {
			return want[1:], want[0] == '"'
		}
		b.scratch, n = appendEscaped(b.scratch[:0], v)
		if !bytes.HasPrefix(want, b.scratch) {
			return nil, false
		}
		want, v = want[len(b.scratch):], v[n:]
	}
}

func (b *rebuilder) event(e *event) {
	if e.unknown != nil {
		b.woven(e)
		return
	}
	b.lit(eventHeadV1)
	b.text(e.text[colLevel])
	b.lit(`,"auditID":`)
	b.text(e.text[colAuditID])
	b.lit(`,"stage":`)
	b.text(e.text[colStage])
	b.lit(`,"requestURI":`)
	b.text(e.text[colRequestURI])
	b.lit(`,"verb":`)
	b.text(e.text[colVerb])
	b.actor(e.actor)
	b.request(e)
	b.lit(`,"requestReceivedTimestamp":`)
	b.time(e, colReceived)
	b.lit(`,"stageTimestamp":`)
	b.time(e, colStaged)
	b.notes(e.notes)
	b.lit(`}`)
}

// actor writes the fields from user to userAgent. A shared part was proven when
// it was first seen: to compare it is to compare its bytes.
func (b *rebuilder) actor(a *actor) {
	if b.comparing && a.segment != nil {
		b.raw(a.segment)
		return
	}
	b.lit(`,"user":`)
	b.user(a.text[colUserName], a.text[colUserUID], &a.userGroups, &a.userExtra)
	if a.text[colImpName] != nil || a.text[colImpUID] != nil || a.impGroups.given || a.impExtra.given {
		b.lit(`,"impersonatedUser":`)
		b.user(a.text[colImpName], a.text[colImpUID], &a.impGroups, &a.impExtra)
	}
	if v := a.text[colImpConstraint]; v != nil {
		b.lit(`,"authenticationMetadata":{"impersonationConstraint":`)
		b.quoted(v)
		b.lit(`}`)
	}
	if a.sourceIPs.given {
		b.lit(`,"sourceIPs":`)
		b.list(a.sourceIPs.items)
	}
	if v := a.text[colUserAgent]; v != nil {
		b.lit(`,"userAgent":`)
		b.quoted(v)
	}
}

// request writes the fields from objectRef to responseObject.
func (b *rebuilder) request(e *event) {
	b.objectRef(e)
	b.responseStatus(e)
	if v := e.text[colRequestObject]; v != nil {
		b.lit(`,"requestObject":`)
		b.raw(v)
	}
	if v := e.text[colResponseObject]; v != nil {
		b.lit(`,"responseObject":`)
		b.raw(v)
	}
}

// notes writes the annotations.
func (b *rebuilder) notes(n *notes) {
	switch {
	case b.comparing && n.segment != nil:
		b.raw(n.segment)
	case n.given:
		b.lit(`,"annotations":`)
		b.annotations(&n.multimap)
	}
}

// text writes a string that is always there, null as nothing at all: such a
// line is not the one that was read, and keeps raw.
func (b *rebuilder) text(v []byte) {
	if v != nil {
		b.quoted(v)
	}
}

// member writes the name of a member, which starts with a comma, without the
// comma where it is the first.
func (b *rebuilder) member(name string, first *bool) {
	if *first {
		name = name[1:]
		*first = false
	}
	b.lit(name)
}

func (b *rebuilder) user(name, uid []byte, groups *texts, extra *multimap) {
	b.lit(`{`)
	first := true
	if name != nil {
		b.member(`,"username":`, &first)
		b.quoted(name)
	}
	if uid != nil {
		b.member(`,"uid":`, &first)
		b.quoted(uid)
	}
	if groups.given {
		b.member(`,"groups":`, &first)
		b.list(groups.items)
	}
	if extra.given {
		b.member(`,"extra":`, &first)
		b.multimap(extra)
	}
	b.lit(`}`)
}

func (b *rebuilder) list(items [][]byte) {
	b.lit(`[`)
	for i, v := range items {
		if i > 0 {
			b.lit(`,`)
		}
		b.quoted(v)
	}
	b.lit(`]`)
}

func (b *rebuilder) multimap(m *multimap) {
	b.lit(`{`)
	for i, k := range m.keys {
		if i > 0 {
			b.lit(`,`)
		}
		b.quoted(k)
		b.lit(`:`)
		b.list(m.list(i))
	}
	b.lit(`}`)
}

func (b *rebuilder) annotations(m *multimap) {
	b.lit(`{`)
	for i, k := range m.keys {
		if i > 0 {
			b.lit(`,`)
		}
		b.quoted(k)
		b.lit(`:`)
		b.quoted(m.values[i])
	}
	b.lit(`}`)
}

func (b *rebuilder) objectRef(e *event) {
	first := true
	for c := colObjResource; c <= colObjSubresource; c++ {
		v := e.text[c]
		if v == nil {
			continue
		}
		if first {
			b.lit(objectRefHead)
		}
		b.member(objectMember(c), &first)
		b.quoted(v)
	}
	if !first {
		b.lit(`}`)
	}
}

func (b *rebuilder) responseStatus(e *event) {
	details, status, message, reason := e.text[colRespDetails], e.text[colRespStatus], e.text[colRespMessage], e.text[colRespReason]
	if details == nil && status == nil && message == nil && reason == nil && !e.given[colCode] {
		return
	}
	b.lit(responseStatusHead)
	if status != nil {
		b.lit(`,"status":`)
		b.quoted(status)
	}
	if message != nil {
		b.lit(`,"message":`)
		b.quoted(message)
	}
	if reason != nil {
		b.lit(`,"reason":`)
		b.quoted(reason)
	}
	if details != nil {
		b.lit(`,"details":`)
		b.raw(details)
	}
	if e.given[colCode] {
		b.lit(`,"code":`)
		b.scratch = strconv.AppendInt(b.scratch[:0], e.ints[colCode], 10)
		b.raw(b.scratch)
	}
	b.lit(`}`)
}

func (b *rebuilder) time(e *event, c column) {
	if !e.given[c] {
		b.lit(`null`)
		return
	}
	b.scratch = b.dates.append(append(b.scratch[:0], '"'), e.ints[c])
	b.scratch = append(b.scratch, '"')
	b.raw(b.scratch)
}
