package redact

import "bytes"

// quotes says whether the message of a failure may quote the object that was
// sent, given the response status.
func quotes(b []byte, status int) bool {
	var reason, message []byte // of several the last one, as decoders do
	for key, value := range members(b, status) {
		switch string(key) {
		case "reason":
			reason = text(b[value.from:value.to])
		case "message":
			message = text(b[value.from:value.to])
		}
	}
	return isQuoting(message, reason)
}

// isQuoting is quotes for a message. The messages of these
// reasons name the object only, unless admission wrote them: webhooks and
// policies give any reason, in any words.
func isQuoting(message, reason []byte) bool {
	if len(message) == 0 {
		return false
	}
	switch string(reason) {
	case "NotFound", "AlreadyExists", "Conflict", "Unauthorized", "Timeout", "ServerTimeout", "TooManyRequests",
		"Expired", "Gone", "MethodNotAllowed", "NotAcceptable", "ServiceUnavailable", "Forbidden":
		return isOfAdmission(message)
	}
	// The message of authentication, in an event that has no reason.
	return !bytes.HasPrefix(message, []byte("Authentication failed, attempted:")) || isOfAdmission(message)
}

// isOfAdmission says whether a message is one of an admission plugin, by words
// of kube-apiserver's in any case.
func isOfAdmission(message []byte) bool {
	return hasFoldedWord(message, "admission", 1) || hasFoldedWord(message, "denied request", 0) || hasFoldedWord(message, "denied the request", 0)
}
