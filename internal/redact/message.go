package redact

import "bytes"

// quotes says whether the message of a failure may quote the object that was
// sent, given the response status.
func quotes(b []byte, status int) bool {
	var reason, message []byte // the message with its quotes; of several the last one, as decoders do
	if at(b, status) == '{' {
		for i, ok := element(b, status+1); ok; i, ok = element(b, i) {
			key, from := member(b, i)
			i = skip(b, from)
			switch string(key) {
			case "reason":
				reason = text(b[from:i])
			case "message":
				message = b[from:i]
			}
		}
	}
	return isQuoting(message, reason)
}

// isQuoting is quotes for a message, with its quotes. The messages of these
// reasons name the object only, unless admission wrote them: webhooks and
// policies give any reason, and say what they like.
func isQuoting(message, reason []byte) bool {
	if len(message) <= len(`""`) {
		return false
	}
	switch string(reason) {
	case "NotFound", "AlreadyExists", "Conflict", "Unauthorized", "Timeout", "ServerTimeout", "TooManyRequests",
		"Expired", "Gone", "MethodNotAllowed", "NotAcceptable", "ServiceUnavailable", "Forbidden":
		return isOfAdmission(message)
	}
	// What authentication says, in an event that has no reason.
	return !bytes.HasPrefix(message, []byte(`"Authentication failed, attempted:`)) || isOfAdmission(message)
}

// isOfAdmission says whether a message is one of an admission plugin, by words
// of kube-apiserver's in any case. Each has a d.
func isOfAdmission(message []byte) bool {
	for i := 1; i < len(message); i++ { // after the quote
		if message[i]|0x20 != 'd' {
			continue
		}
		if rest := message[i:]; hasFold(message[i-1:], "admission") || hasFold(rest, "denied request") || hasFold(rest, "denied the request") {
			return true
		}
	}
	return false
}

func hasFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && isName(b[:len(prefix)], prefix)
}

// noQuotes says that no message in a line may quote what was sent: there is
// none, or only one that is followed by its reason, as kube-apiserver writes
// them.
func noQuotes(line []byte) bool {
	const key, reason = `"message"`, `,"reason":"`
	n := bytes.Index(line, []byte(key))
	if n < 0 {
		return true
	}
	from := n + len(key) + 1
	if at(line, from-1) != ':' || at(line, from) != '"' {
		return false
	}
	end := skipString(line, from)
	rest, ok := bytes.CutPrefix(line[end:], []byte(reason))
	length := bytes.IndexByte(rest, '"')
	return ok && length > 0 && !isQuoting(line[from:end], rest[:length]) && !bytes.Contains(rest, []byte(key))
}
