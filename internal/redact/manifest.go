package redact

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// The functions of this file find objects that stand as text in a string: as JSON, as YAML, or as
// the base64 of either, compressed or not. They read the string as it stands in the line.

// isCopy says whether an annotation of this name holds the object as it was applied, by kubectl
// (kubectl.kubernetes.io/last-applied-configuration), kapp, Rancher or an operator of Banzai's.
func isCopy(name []byte) bool {
	return slices.ContainsFunc([]string{"last-applied-configuration", "kapp.k14s.io/original", "objectset.rio.cattle.io/applied", "banzaicloud.com/last-applied"},
		func(end string) bool { return isName(name[max(0, len(name)-len(end)):], end) })
}

// mayBeManifest says whether an annotation may be more than a word or a sentence: it has several
// lines, or a brace, or is base64 of some length.
func mayBeManifest(value []byte) bool {
	const word = 40 // base64 of less holds no object; a UUID has 36 characters
	return bytes.IndexByte(value, '{') >= 0 || bytes.Contains(value, []byte(`\n`)) ||
		len(value) >= word && len(bytes.Trim(value, base64Letters)) == 0
}

// base64Letters are those of either alphabet, and the separators of lines.
const base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_\\"

// saysSecret says whether a text may hold a Secret, or a list of them, that says so: as a JSON
// object, be it in a string that is in another string, as YAML, or in base64. Data that gzip has
// compressed is not unpacked, letters that are written as escapes are not read: either may be one.
func saysSecret(b []byte) bool {
	return bytes.Contains(b, []byte("Secret")) && (secretInJSON.Match(b) || secretInYAML.Match(b)) ||
		bytes.Contains(b, []byte(`\u00`)) && escapedLetter.Match(b) ||
		hasWord(b, "U2VjcmV0", 'V') || hasWord(b, "NlY3Jld", 'Y') || hasWord(b, "TZWNyZX", 'X') || // base64 of the word at each offset
		hasWord(b, "H4sI", 'H') // base64 of the first bytes of gzip
}

var (
	secretInJSON  = regexp.MustCompile(`Secret(?:List)?\\*(?:"|u0022)`)
	secretInYAML  = regexp.MustCompile(`kind[\\"']*: *'?Secret(?:List)?(?:[^A-Za-z]|$)`)
	escapedLetter = regexp.MustCompile(`\\u00[4-7]`)
)

// hasWord says whether a word is in a text, by looking for a letter of it that is rare.
func hasWord(b []byte, word string, rare byte) bool {
	return hasAround(b, rare, strings.IndexByte(word, rare), func(b []byte) bool { return hasPrefix(b, word) })
}

// hasFoldedWord is hasWord for words in any case, given in lower case; their third letter counts.
func hasFoldedWord(b []byte, word string, offset int) bool {
	matches := func(b []byte) bool {
		return len(b) >= len(word) && b[2]|0x20 == word[2] && isName(b[:len(word)], word)
	}
	return hasAround(b, word[offset], offset, matches) || hasAround(b, word[offset]&^0x20, offset, matches)
}

// hasAround says whether a text matches somewhere offset bytes before a letter.
func hasAround(b []byte, letter byte, offset int, matches func([]byte) bool) bool {
	for at := 0; ; at++ {
		n := bytes.IndexByte(b[at:], letter)
		if n < 0 {
			return false
		}
		if at += n; at >= offset && matches(b[at-offset:]) {
			return true
		}
	}
}
