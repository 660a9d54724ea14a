// Package redact replaces values that must not leave the node in the clear: the
// values of Secrets, tokens, credentials in URIs, and those that rules of one's own
// say. [Redactor.Line] takes a line of the audit log and gives it back as it
// may be sent.
//
// # Markers
//
// Each value, be it a string, a number or a boolean, is replaced by a string
//
//	redacted:hmac-sha256:<32 hex digits>:<length in bytes>
//
// with the first half of the HMAC-SHA-256 of its text under a [Key]. So it can
// still be seen that two values are equal, or that one has changed, but not
// the values without the key, however short. Names of members, null, empty
// strings and everything else in the line stay byte for byte: values are cut
// out of the line, it is not encoded again. A marker in place of a value is
// left alone, so redacting twice is redacting once.
//
// # Rules
//
// A rule is about events of one resource (by their objectRef) and about positions
// in their bodies, their status and annotations, or in their messages about the URI, the users and the
// agent. A rule about an object is meant of the items of a list as well, of the objects
// in the rows of a table, of the object of a watch event and of the values of a
// JSON patch. [Builtins] are the rules that need not be written; docs/redaction.md describes each.
//
// Secrets are treated with suspicion: of an event about them everything is
// replaced in the bodies that is not known to be harmless, an object that
// calls itself a Secret is one in any other body as well, and so is one that stands as text in an
// annotation.
//
// # Lines that are not one event
//
// The events of a list, an array or an EventList, on one line or on several, are treated like any
// other. [auditline.IsEvent] defines an event, for the archive as well.
//
// A crash leaves a torn line, and the next event glued to it. Of such a line
// whole events are treated like any other; of the event that it begins with,
// the members before the response status are kept, as far as they are whole; the
// rest is replaced by a marker without quotes, because nothing says which part
// it is. So is a line that is not an event, and an event's body if the
// event does not name its object.
//
// # Files
//
//	redact.go, event.go     a line, an event: which rules are about it
//	quick.go                the events that need nothing
//	torn.go, copy.go        lines that are not one event; whole files
//	config.go, rulepath.go  rules as they are written
//	rules.go, builtin.go    rules as they are looked for
//	tree.go, walk.go        positions in a body, and the walk over it
//	patch.go, json.go       JSON patches, JSON text
//	uri.go, credential.go   parameters, tokens
//	manifest.go, message.go texts that hold an object, or quote one
//	edit.go, key.go         markers
//
// # Cost
//
// Most lines need nothing. That is decided by a few fields of the event, which
// one scan reads without allocating and without looking into the bodies, and by
// searches in the bodies. A line that is not in kube-apiserver's own form is
// always looked at in full.
package redact
