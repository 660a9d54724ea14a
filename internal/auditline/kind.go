package auditline

import "bytes"

// byteOrderMark may stand at the start of a file that an editor wrote.
const byteOrderMark = "\ufeff"

// IsEvent is the definition of an audit event, by three members of a JSON object: kind, apiVersion and
// auditID; nil for one that is missing or no string. It is of kind Event and of the group
// audit.k8s.io. An object that leaves out one of the two, as the items of an EventList do, is an event if it has
// an auditID; no Event of another group has one.
func IsEvent(kind, apiVersion, auditID []byte) bool {
	isKind, isGroup := string(kind) == "Event", hasPrefix(apiVersion, "audit.k8s.io/")
	return isKind && isGroup || len(auditID) > 0 && (isKind || len(kind) == 0) && (isGroup || len(apiVersion) == 0)
}

// listed yields the objects in a line that is a list of them, or a piece of one that was written over
// several lines: a JSON array, an EventList, an object with a bracket or a comma of an array. It
// reports whether the line is that and nothing else, unless the loop was left.
func (w *Walker) listed(line []byte, yield func(Span) bool) bool {
	i := space(line, len(line)-len(bytes.TrimPrefix(line, []byte(byteOrderMark))))
	if i < len(line) && line[i] == '[' {
		i++
	}
	for {
		i = len(line) - len(bytes.TrimLeft(line[i:], " \t\r\n,]"))
		if i == len(line) || line[i] != '{' {
			return i == len(line)
		}
		end, ok := w.Value(line, i)
		if !ok || !w.objects(line[:end], i, yield) {
			return false
		}
		i = end
	}
}

// objects yields the object at i, or the items of the EventList there. It returns false where yield did.
func (w *Walker) objects(line []byte, i int, yield func(Span) bool) bool {
	isList, items := false, len(line)
	for name, value := range w.Members(line[i:]) {
		switch string(name) {
		case "kind":
			isList = string(line[i+value.From:i+value.To]) == `"EventList"`
		case "items":
			items = i + value.From
		}
	}
	if !isList {
		return yield(Span{i, len(line)})
	}
	more := true
	w.skip.walk(line[items:], '[', func(_ []byte, at Span) bool {
		more = yield(Span{items + at.From, items + at.To})
		return more
	})
	return more
}
