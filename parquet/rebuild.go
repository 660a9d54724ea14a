package parquet

import (
	"bytes"
	"strconv"
)

// appendLine appends the event as kube-apiserver would have written it. It is
// what [Restore] uses for every line without raw.
func (e *event) appendLine(dst []byte) []byte {
	dst = append(dst, eventHeadV1...)
	dst = appendText(dst, e.text[colLevel])
	dst = append(dst, `,"auditID":`...)
	dst = appendText(dst, e.text[colAuditID])
	dst = append(dst, `,"stage":`...)
	dst = appendText(dst, e.text[colStage])
	dst = append(dst, `,"requestURI":`...)
	dst = appendText(dst, e.text[colRequestURI])
	dst = append(dst, `,"verb":`...)
	dst = appendText(dst, e.text[colVerb])
	dst = append(dst, `,"user":`...)
	dst = appendUser(dst, e.text[colUserName], e.text[colUserUID], &e.userGroups, &e.userExtra)
	dst = e.appendOptionalParts(dst)
	dst = append(dst, `,"requestReceivedTimestamp":`...)
	dst = e.appendTime(dst, colReceived)
	dst = append(dst, `,"stageTimestamp":`...)
	dst = e.appendTime(dst, colStaged)
	if e.annotations.given {
		dst = append(dst, `,"annotations":`...)
		dst = appendAnnotations(dst, &e.annotations)
	}
	return append(dst, '}')
}

// prove reports whether the columns rebuild line byte for byte. The scratch
// buffer is grown and returned for the next line.
func (e *event) prove(line, scratch []byte) (bool, []byte) {
	scratch = e.appendLine(scratch[:0])
	return bytes.Equal(scratch, line), scratch
}

func (e *event) appendOptionalParts(dst []byte) []byte {
	if e.text[colImpName] != nil || e.text[colImpUID] != nil || e.impGroups.given || e.impExtra.given {
		dst = append(dst, `,"impersonatedUser":`...)
		dst = appendUser(dst, e.text[colImpName], e.text[colImpUID], &e.impGroups, &e.impExtra)
	}
	if v := e.text[colImpConstraint]; v != nil {
		dst = append(dst, `,"authenticationMetadata":{"impersonationConstraint":`...)
		dst = append(appendQuoted(dst, v), '}')
	}
	if e.sourceIPs.given {
		dst = append(dst, `,"sourceIPs":`...)
		dst = appendList(dst, e.sourceIPs.items)
	}
	if v := e.text[colUserAgent]; v != nil {
		dst = append(dst, `,"userAgent":`...)
		dst = appendQuoted(dst, v)
	}
	dst = e.appendObjectRef(dst)
	dst = e.appendResponseStatus(dst)
	if v := e.text[colRequestObject]; v != nil {
		dst = append(dst, `,"requestObject":`...)
		dst = append(dst, v...)
	}
	if v := e.text[colResponseObject]; v != nil {
		dst = append(dst, `,"responseObject":`...)
		dst = append(dst, v...)
	}
	return dst
}

// appendText appends a string that is always written, null as nothing at all:
// such a line is not the one that was read, and keeps raw.
func appendText(dst, v []byte) []byte {
	if v == nil {
		return dst
	}
	return appendQuoted(dst, v)
}

func appendUser(dst, name, uid []byte, groups *texts, extra *multimap) []byte {
	dst = append(dst, '{')
	open := len(dst)
	if name != nil {
		dst = appendQuoted(append(dst, `,"username":`...), name)
	}
	if uid != nil {
		dst = appendQuoted(append(dst, `,"uid":`...), uid)
	}
	if groups.given {
		dst = appendList(append(dst, `,"groups":`...), groups.items)
	}
	if extra.given {
		dst = appendMultimap(append(dst, `,"extra":`...), extra)
	}
	return closeObject(dst, open)
}

// closeObject ends an object of which every member was written with a comma
// before it, the first one included; open is where the members start.
func closeObject(dst []byte, open int) []byte {
	if len(dst) == open {
		return append(dst, '}')
	}
	n := copy(dst[open:], dst[open+1:])
	return append(dst[:open+n], '}')
}

func appendList(dst []byte, items [][]byte) []byte {
	dst = append(dst, '[')
	for i, v := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendQuoted(dst, v)
	}
	return append(dst, ']')
}

func appendMultimap(dst []byte, m *multimap) []byte {
	dst = append(dst, '{')
	for i, k := range m.keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, k), ':')
		dst = appendList(dst, m.list(i))
	}
	return append(dst, '}')
}

func appendAnnotations(dst []byte, m *multimap) []byte {
	dst = append(dst, '{')
	for i, k := range m.keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, k), ':')
		dst = appendQuoted(dst, m.values[i])
	}
	return append(dst, '}')
}

func (e *event) appendObjectRef(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, `,"objectRef":{`...)
	open := len(dst)
	for _, f := range objectFields() {
		if v := e.text[f.col]; v != nil {
			dst = appendQuoted(append(dst, f.name...), v)
		}
	}
	if len(dst) == open {
		return dst[:start]
	}
	return closeObject(dst, open)
}

func (e *event) appendResponseStatus(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, `,"responseStatus":{"metadata":{}`...)
	open := len(dst)
	if v := e.text[colRespStatus]; v != nil {
		dst = appendQuoted(append(dst, `,"status":`...), v)
	}
	if v := e.text[colRespMessage]; v != nil {
		dst = appendQuoted(append(dst, `,"message":`...), v)
	}
	if v := e.text[colRespReason]; v != nil {
		dst = appendQuoted(append(dst, `,"reason":`...), v)
	}
	if v := e.text[colRespDetails]; v != nil {
		dst = append(append(dst, `,"details":`...), v...)
	}
	if e.given[colCode] {
		dst = strconv.AppendInt(append(dst, `,"code":`...), e.ints[colCode], 10)
	}
	if len(dst) == open {
		return dst[:start]
	}
	return append(dst, '}')
}

func (e *event) appendTime(dst []byte, c column) []byte {
	if !e.given[c] {
		return append(dst, `null`...)
	}
	dst = append(dst, '"')
	dst = appendMicroTime(dst, e.ints[c])
	return append(dst, '"')
}
