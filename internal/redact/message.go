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
// reasons name the object only.
func isQuoting(message, reason []byte) bool {
	switch string(reason) {
	case "NotFound", "AlreadyExists", "Conflict", "Unauthorized", "Timeout", "ServerTimeout", "TooManyRequests",
		"Expired", "Gone", "MethodNotAllowed", "NotAcceptable", "ServiceUnavailable":
		return false
	case "Forbidden": // but for what an admission plugin has to say
		return bytes.Contains(message, []byte("admission")) || bytes.Contains(message, []byte("denied the request"))
	}
	// What authentication says, in an event that has no reason.
	return len(message) > len(`""`) && !bytes.HasPrefix(message, []byte(`"Authentication failed, attempted:`))
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
