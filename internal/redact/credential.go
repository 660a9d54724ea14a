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
	if !mayBeCredential(name) {
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

// mayBeCredential decides for most names, by their last four letters, that they
// are none of those. What comes before does not matter, be it part of the name.
func mayBeCredential(name []byte) bool {
	const last = 4
	n := len(name)
	if n < last || bytes.IndexByte(name[max(0, n-last-len("%6")):], '%') >= 0 {
		return n >= len("key")
	}
	var end [last]byte
	for i, c := range name[n-last:] {
		if !isLetter(c) {
			return true
		}
		end[i] = c | 0x20
	}
	switch string(end[1:]) {
	case "jwt", "key", "pwd", "sid", "sig":
		return true
	}
	switch string(end[:]) {
	case "arer", "auth", "code", "cret", "ials", "oken", "onid", "pass", "rase", "sswd", "tion", "ture", "word":
		return true
	}
	return false
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
