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
// of kube-apiserver's in any case.
func isOfAdmission(message []byte) bool {
	for _, d := range []byte("dD") { // each of the words has one
		for i := 1; i < len(message); i++ { // after the quote
			n := bytes.IndexByte(message[i:], d)
			if n < 0 {
				break
			}
			i += n
			if rest := message[i:]; hasFold(message[i-1:], "admission") || hasFold(rest, "denied request") || hasFold(rest, "denied the request") {
				return true
			}
		}
	}
	return false
}

func hasFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && isName(b[:len(prefix)], prefix)
}

// namesOnly says that no message which follows an objectRef may quote what was
// sent, given what follows the objectRef's resource; false says nothing. It
// reads the response status as kube-apiserver writes it, and came to end.
// Where there is something else, there must be no message at all.
func namesOnly(b []byte) (end int, ok bool) {
	const status, failure, reason = `,"responseStatus":{"metadata":{},`, `"status":"Failure","message":"`, `,"reason":"`
	i := bytes.IndexByte(b, '}') + 1
	if hasPrefix(b[i:], status) {
		i += len(status)
		if hasPrefix(b[i:], `"code":`) {
			return i, true
		}
		if hasPrefix(b[i:], failure) {
			from := i + len(failure) - 1
			end = skipString(b, from)
			rest, ok := bytes.CutPrefix(b[end:], []byte(reason))
			n := bytes.IndexByte(rest, '"')
			return end, ok && n > 0 && !isQuoting(b[from:end], rest[:n])
		}
	}
	return 0, !bytes.Contains(b, []byte(`"message"`))
}
