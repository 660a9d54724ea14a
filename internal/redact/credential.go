package redact

import (
	"bytes"
	"regexp"
	"slices"
)

// maxParameter is how much of the name of a query parameter is looked at, from
// its end.
const maxParameter = 64

// isCredential says whether the value of this name is a credential: of a query parameter, of the
// extra attributes of a user, of an environment variable. The whole name counts, its last word, or
// how it ends. Names are compared as [normal] makes them. No parameter of the Kubernetes API is
// called like this.
func isCredential(name []byte) bool {
	switch string(name) { // the most frequent ones
	case "", "allowWatchBookmarks", "command", "container", "continue", "fieldManager", "fieldSelector", "fieldValidation", "force", "groups",
		"labelSelector", "limit", "resourceVersion", "resourceVersionMatch", "sendInitialEvents", "sourceIPs", "timeout", "timeoutSeconds", "watch":
		return false
	}
	var buf [maxParameter]byte
	whole, word := normal(buf[:0], name)
	switch string(whole) {
	case "auth", "bearer", "code", "credentials", "key", "sessionid", "sid", "sig":
		return true
	}
	switch string(whole[word:]) {
	case "jwt", "pass", "pwd":
		return true
	}
	return slices.ContainsFunc([]string{
		"token", "password", "passwd", "passphrase", "secret", "apikey", "accesskey", "secretkey", "privatekey", "signature", "assertion", "authorization",
	}, func(end string) bool { return bytes.HasSuffix(whole, []byte(end)) })
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// normal appends a parameter's name as it is compared: percent-decoded, in
// lower case, without the separators of words. The last word begins at word,
// after such a thing or with the capital of camelCase.
func normal(dst, name []byte) (whole []byte, word int) {
	var buf [maxParameter]byte
	last := byte(0)
	for _, c := range unescaped(buf[:0], name[max(0, len(name)-maxParameter):]) {
		isWord := isLetter(c) || '0' <= c && c <= '9' || c >= 0x80
		isCapital := 'A' <= c && c <= 'Z'
		if isWord && (!isLetter(last) || isCapital && last >= 'a') {
			word = len(dst)
		}
		last = c
		if isCapital {
			c |= 0x20
		}
		if isWord {
			dst = append(dst, c)
		}
	}
	return dst, word
}

// webTokenHead is the base64 of {" and so begins the parts of a JSON Web Token.
const webTokenHead = "eyJ"

// A token is a JSON Web Token (RFC 7519: three parts in base64url, of which the first two are JSON
// objects), or, as the first group, the text after the word "bearer": as in a header, or where a
// browser hands a token to a WebSocket of kube-apiserver (apiserver/pkg/authentication/request/websocket).
const (
	afterBearer = `(?:(?i:bearer)(?:[ +:='"]|\\[tnr"]|\\u00[0-3][0-9a-f]|%(?:25)*(?:20|09|0[ADad]|22|27|3[ADad])|\.authorization\.k8s\.io\.)+)+` //nolint:gosec // a pattern of credentials, not one
	webToken    = `(?:` + webTokenHead + `[\w=-]*\.){2}[\w=-]*`
)

var (
	uriToken  = regexp.MustCompile(afterBearer + `([\w=.~/%:-]+)|` + webToken)
	textToken = regexp.MustCompile(afterBearer + `([\w=.~/%:+-]+)|` + webToken)
)

// tokens replaces the tokens in the text b[from:to].
func (e *edit) tokens(from, to int, form *regexp.Regexp) {
	if !mayHoldToken(e.b[from:to]) {
		return
	}
	for _, m := range form.FindAllSubmatchIndex(e.b[from:to], -1) {
		t := span{m[0], m[1]}
		if m[2] >= 0 {
			t.from = m[2]
		}
		e.replaceBare(from+t.from, from+t.to)
	}
}

// mayHoldToken says whether a text, as it stands in JSON or in a URI, may hold a token. Of the letters
// that begin a web token the last is rare.
func mayHoldToken(text []byte) bool {
	return len(text) > len("bearer ") && (hasWord(text, webTokenHead, 'J') || hasFoldedWord(text, "bearer", 0))
}
