package redact

import (
	"bytes"
	"slices"
	"strconv"
)

// maxParameter is how much of the name of a query parameter is looked at, from
// its end.
const maxParameter = 64

// credential says whether the value of a query parameter of this name is one:
// by the whole name, by its last word, or by how it ends. Names are compared as
// [normal] makes them. No parameter of the Kubernetes API is called like this.
func credential(name []byte) bool {
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
// lower case, without what is between words. The last word begins at word,
// after such a thing or with the capital of camelCase.
func normal(dst, name []byte) (whole []byte, word int) {
	name = name[max(0, len(name)-maxParameter):]
	last := byte(0)
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '%' && i+2 < len(name) {
			if n, err := strconv.ParseUint(string(name[i+1:i+3]), 16, 8); err == nil {
				c = byte(n)
				i += 2
			}
		}
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
