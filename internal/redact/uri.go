package redact

import "bytes"

// amp is how encoding/json writes the & between parameters.
const amp = `\u0026`

// parameters calls visit with the span of each query parameter's value, and
// with that of its name, in the text of a URI as it stands in JSON.
func parameters(uri []byte, visit func(name, value span) (more bool)) {
	i := bytes.IndexByte(uri, '?')
	if i < 0 {
		return
	}
	for i++; i <= len(uri); {
		end, next := nextParameter(uri, i)
		if eq := bytes.IndexByte(uri[i:end], '='); eq >= 0 && !visit(span{i, i + eq}, span{i + eq + 1, end}) {
			return
		}
		i = next
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
	return plainQuery(uri) && (bytes.IndexByte(uri, webTokenHead[2]) < 0 || !bytes.Contains(uri, []byte(webTokenHead))) && !hasBearer(uri)
}

// plainQuery says that no parameter of a URI is a credential by its name. What
// comes before an equals sign is mostly enough to know.
func plainQuery(uri []byte) bool {
	for rest := uri[bytes.IndexByte(uri, '?')+1:]; ; {
		n := bytes.IndexByte(rest, '=')
		if n < 0 {
			return true
		}
		if mayBeCredential(rest[:n]) {
			break
		}
		rest = rest[n+1:]
	}
	plain := true
	parameters(uri, func(name, _ span) bool {
		plain = !credential(uri[name.from:name.to])
		return plain
	})
	return plain
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
	next := 0 // what was not looked at
	tokens := func(end int) {
		for {
			t, found := nextToken(uri[:end], next)
			if !found {
				next = end
				return
			}
			e.replaceBare(from+t.from, from+t.to)
			next = t.to
		}
	}
	parameters(uri, func(name, value span) bool {
		if credential(uri[name.from:name.to]) {
			tokens(value.from)
			e.replaceBare(from+value.from, from+value.to)
			next = value.to
		}
		return true
	})
	tokens(len(uri))
}

// nextToken finds the next token at or after i.
func nextToken(uri []byte, i int) (token span, found bool) {
	none := 0 // no web token begins before it
	for ; i < len(uri); i++ {
		n := bytes.IndexAny(uri[i:], "eE")
		if n < 0 {
			break
		}
		if i += n; i >= none {
			var end int
			if end, none = webToken(uri, i); end > 0 {
				return span{i, end}, true
			}
		}
		if from, end := bearer(uri, i); end > from {
			return span{from, end}, true
		}
	}
	return span{}, false
}

// webTokenHead is the base64 of {" and so begins the parts of a JSON Web Token.
const webTokenHead = "eyJ"

// webToken returns where the JSON Web Token (RFC 7519) at i ends, 0 where there
// is none: three parts in base64url, of which the first two are JSON objects.
// Where there is none, none begins before none either.
func webToken(uri []byte, i int) (end, none int) {
	for dots := 0; ; dots++ {
		if dots < 2 && !bytes.HasPrefix(uri[i:], []byte(webTokenHead)) {
			return 0, none
		}
		for i < len(uri) && isBase64URL(uri[i]) {
			i++
		}
		if dots == 0 {
			none = i
		}
		if dots == 2 {
			return i, none
		}
		if i == len(uri) || uri[i] != '.' {
			return 0, none
		}
		i++
	}
}

func isBase64URL(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '='
}

// socketBearer follows the word "bearer" where a browser hands a token to a
// WebSocket of kube-apiserver (apiserver/pkg/authentication/request/websocket).
const socketBearer = ".authorization.k8s.io."

// bearer returns the token that follows the word "bearer" whose first e is at i.
func bearer(uri []byte, i int) (from, end int) {
	const word = "bearer"
	if i == 0 || !hasFold(uri[i-1:], word) {
		return 0, 0
	}
	rest := uri[i-1+len(word):]
	for _, between := range []string{" ", "%20", "+", ":", "%3A", "%3a", "=", "%3D", "%3d", socketBearer} {
		after, ok := bytes.CutPrefix(rest, []byte(between))
		if !ok {
			continue
		}
		if beginsWithMarker(after) {
			return 0, 0
		}
		from = len(uri) - len(after)
		for end = from; end < len(uri) && (isBase64URL(uri[end]) || bytes.IndexByte([]byte(".~/%"), uri[end]) >= 0); end++ {
		}
		return from, end
	}
	return 0, 0
}
