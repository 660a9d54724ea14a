package auditline

import (
	"bytes"
	"io"
	"strconv"
	"unsafe"
)

// Rebuilder writes an event as kube-apiserver would have written it, or
// compares it with a line that is already there. Both are one code: what
// is written later is what was compared when the line was read.
type Rebuilder struct {
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
func (b *Rebuilder) begin() {
	b.dst, b.out, b.err, b.want, b.comparing, b.differs = nil, nil, nil, nil, false, false
}

// Append appends the event to dst.
func (b *Rebuilder) Append(dst []byte, e *Event) []byte {
	b.begin()
	b.dst = dst
	b.event(e)
	dst, b.dst = b.dst, nil
	return dst
}

// directly is the length from which a value is written to out as it is.
const directly = 256 << 10

// WriteLine writes the event to w, and holds none of its long values.
func (b *Rebuilder) WriteLine(w io.Writer, e *Event) error {
	b.begin()
	b.dst, b.scratch, b.out = b.scratch[:0], nil, w
	b.event(e)
	b.flush()
	b.out, b.scratch, b.dst = nil, b.dst[:0], nil
	return b.err
}

// flush writes what was appended to out.
func (b *Rebuilder) flush() {
	if b.err == nil {
		_, b.err = b.out.Write(b.dst)
	}
	b.dst = b.dst[:0]
}

// Proves reports whether the columns rebuild line byte for byte.
func (b *Rebuilder) Proves(line []byte, e *Event) bool {
	b.begin()
	b.want, b.comparing = line, true
	b.event(e)
	ok := !b.differs && len(b.want) == 0
	b.want = nil
	return ok
}

// lit writes text as it is.
func (b *Rebuilder) lit(s string) {
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
func (b *Rebuilder) raw(v []byte) {
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
func (b *Rebuilder) quoted(v []byte) {
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
func (b *Rebuilder) cutQuoted(v []byte) (rest []byte, ok bool) {
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

func (b *Rebuilder) event(e *Event) {
	if e.Unknown != nil {
		b.woven(e)
		return
	}
	b.lit(eventHeadV1)
	b.text(e.text[Level])
	b.lit(`,"auditID":`)
	b.text(e.text[AuditID])
	b.lit(`,"stage":`)
	b.text(e.text[Stage])
	b.lit(`,"requestURI":`)
	b.text(e.text[RequestURI])
	b.lit(`,"verb":`)
	b.text(e.text[Verb])
	b.lit(`,"user":`)
	b.user(e.text[UserName], e.text[UserUID], &e.userGroups, &e.userExtra)
	if e.text[ImpersonatedName] != nil || e.text[ImpersonatedUID] != nil || e.impGroups.Given || e.impExtra.Given {
		b.lit(`,"impersonatedUser":`)
		b.user(e.text[ImpersonatedName], e.text[ImpersonatedUID], &e.impGroups, &e.impExtra)
	}
	if v := e.text[ImpersonationConstraint]; v != nil {
		b.lit(`,"authenticationMetadata":{"impersonationConstraint":`)
		b.quoted(v)
		b.lit(`}`)
	}
	if e.sourceIPs.Given {
		b.lit(`,"sourceIPs":`)
		b.list(e.sourceIPs.Items)
	}
	b.given(`,"userAgent":`, e.text[UserAgent])
	b.objectRef(e)
	b.responseStatus(e)
	if v := e.text[RequestObject]; v != nil {
		b.lit(`,"requestObject":`)
		b.raw(v)
	}
	if v := e.text[ResponseObject]; v != nil {
		b.lit(`,"responseObject":`)
		b.raw(v)
	}
	b.lit(`,"requestReceivedTimestamp":`)
	b.time(e, RequestReceived)
	b.lit(`,"stageTimestamp":`)
	b.time(e, StageTimestamp)
	if e.notes.Given {
		b.lit(`,"annotations":`)
		b.annotations(&e.notes)
	}
	b.lit(`}`)
}

// given writes a member that is a string, if it is there.
func (b *Rebuilder) given(name string, v []byte) {
	if v != nil {
		b.lit(name)
		b.quoted(v)
	}
}

// text writes a string that is always there, null as nothing at all: such a
// line is not the one that was read, and keeps raw.
func (b *Rebuilder) text(v []byte) {
	if v != nil {
		b.quoted(v)
	}
}

// member writes the name of a member, which starts with a comma, without the
// comma where it is the first.
func (b *Rebuilder) member(name string, first *bool) {
	if *first {
		name = name[1:]
		*first = false
	}
	b.lit(name)
}

func (b *Rebuilder) user(name, uid []byte, groups *List, extra *Map) {
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
	if groups.Given {
		b.member(`,"groups":`, &first)
		b.list(groups.Items)
	}
	if extra.Given {
		b.member(`,"extra":`, &first)
		b.multimap(extra)
	}
	b.lit(`}`)
}

func (b *Rebuilder) list(items [][]byte) {
	b.lit(`[`)
	for i, v := range items {
		if i > 0 {
			b.lit(`,`)
		}
		b.quoted(v)
	}
	b.lit(`]`)
}

func (b *Rebuilder) multimap(m *Map) {
	b.lit(`{`)
	for i, k := range m.Keys {
		if i > 0 {
			b.lit(`,`)
		}
		b.quoted(k)
		b.lit(`:`)
		b.list(m.ValuesOf(i))
	}
	b.lit(`}`)
}

func (b *Rebuilder) annotations(m *Map) {
	b.lit(`{`)
	for i, k := range m.Keys {
		if i > 0 {
			b.lit(`,`)
		}
		b.quoted(k)
		b.lit(`:`)
		b.quoted(m.Values[i])
	}
	b.lit(`}`)
}

func (b *Rebuilder) objectRef(e *Event) {
	first := true
	for c := ObjectResource; c <= ObjectSubresource; c++ {
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

func (b *Rebuilder) responseStatus(e *Event) {
	details, status, message, reason := e.text[ResponseDetails], e.text[ResponseStatus], e.text[ResponseMessage], e.text[ResponseReason]
	if details == nil && status == nil && message == nil && reason == nil && !e.given[ResponseCode] {
		return
	}
	b.lit(responseStatusHead)
	b.given(`,"status":`, status)
	b.given(`,"message":`, message)
	b.given(`,"reason":`, reason)
	if details != nil {
		b.lit(`,"details":`)
		b.raw(details)
	}
	if e.given[ResponseCode] {
		b.lit(`,"code":`)
		b.scratch = strconv.AppendInt(b.scratch[:0], e.ints[ResponseCode], 10)
		b.raw(b.scratch)
	}
	b.lit(`}`)
}

func (b *Rebuilder) time(e *Event, c Field) {
	if !e.given[c] {
		b.lit(`null`)
		return
	}
	b.scratch = b.dates.append(append(b.scratch[:0], '"'), e.ints[c])
	b.scratch = append(b.scratch, '"')
	b.raw(b.scratch)
}
