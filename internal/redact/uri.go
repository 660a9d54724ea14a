package redact

import (
	"bytes"
	"iter"
	"regexp"
)

// amp is how encoding/json writes the & between parameters.
const amp = `\u0026`

// parameters yields where the name and the value of each query parameter are in the text of a URI
// as it stands in JSON.
func parameters(uri []byte) iter.Seq2[span, span] {
	return func(yield func(name, value span) bool) {
		i := bytes.IndexByte(uri, '?')
		if i < 0 {
			return
		}
		for i++; i <= len(uri); {
			end, next := nextParameter(uri, i)
			if eq := bytes.IndexByte(uri[i:end], '='); eq >= 0 && !yield(span{i, i + eq}, span{i + eq + 1, end}) {
				return
			}
			i = next
		}
	}
}

// span is a piece of a text.
type span struct{ from, to int }

// nextParameter returns where the parameter at i ends and the next one begins.
func nextParameter(uri []byte, i int) (end, next int) {
	for end = i; end < len(uri); end++ {
		switch c := uri[end]; {
		case c == '&' || c == '?':
			return end, end + 1
		case c == '\\' && bytes.HasPrefix(uri[end:], []byte(amp)):
			return end, end + len(amp)
		}
	}
	return end, end + 1
}

// plainURI says that a URI has no credential in it; false says nothing. Of the letters that begin a
// web token the last is rare.
func plainURI(uri []byte) bool {
	for name := range parameters(uri) {
		if credential(uri[name.from:name.to]) {
			return false
		}
	}
	return (bytes.IndexByte(uri, webTokenHead[2]) < 0 || !bytes.Contains(uri, []byte(webTokenHead))) && !hasBearer(uri)
}

// hasBearer says that the word "bearer" is in a URI, in any case.
func hasBearer(uri []byte) bool {
	for i, c := range uri {
		if c|0x20 == 'b' && hasFold(uri[i:], "bearer") {
			return true
		}
	}
	return false
}

// uri replaces the credentials in the URI b[from:to], given without its quotes:
// the values of parameters that are one by their name, and what looks like a
// bearer token or a JSON Web Token anywhere.
func (e *edit) uri(from, to int) {
	uri := e.b[from:to]
	if plainURI(uri) {
		return
	}
	next := 0 // what was not looked at
	tokens := func(end int) {
		for _, m := range token.FindAllSubmatchIndex(uri[next:end], -1) {
			t := span{next + m[0], next + m[1]}
			if m[2] >= 0 {
				t.from = next + m[2]
			}
			if !beginsWithMarker(uri[t.from:]) {
				e.replaceBare(from+t.from, from+t.to)
			}
		}
		next = end
	}
	for name, value := range parameters(uri) {
		if credential(uri[name.from:name.to]) {
			tokens(value.from)
			e.replaceBare(from+value.from, from+value.to)
			next = value.to
		}
	}
	tokens(len(uri))
}

// webTokenHead is the base64 of {" and so begins the parts of a JSON Web Token.
const webTokenHead = "eyJ"

// token finds a JSON Web Token (RFC 7519: three parts in base64url, of which the first two are JSON
// objects), or, as its first group, what follows the word "bearer": as in a header, or where a
// browser hands a token to a WebSocket of kube-apiserver (apiserver/pkg/authentication/request/websocket).
var token = regexp.MustCompile(`(?i:bearer)(?: |\+|:|=|%20|%3[ADad]|\.authorization\.k8s\.io\.)([\w=.~/%-]+)|` +
	`(?:` + webTokenHead + `[\w=-]*\.){2}[\w=-]*`)
