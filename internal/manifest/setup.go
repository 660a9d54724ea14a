package manifest

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Setup has the settings with which the log is written and archived. A field that the node could not
// learn is absent.
type Setup struct {
	// Sidecar and Server are the versions of auditsidecar and of kube-apiserver.
	Sidecar string `json:"sidecar,omitempty"`
	Server  string `json:"server,omitempty"`
	// Flags are those of kube-apiserver's flags whose names begin with audit-, without
	// their dashes.
	Flags map[string]string `json:"flags,omitempty"`
	// Policy is kube-apiserver's audit policy.
	Policy *Document `json:"policy,omitempty"`
	// Redaction are the rules of a redacted archive; its hash is [Record].Redaction.
	Redaction *Document `json:"redaction,omitempty"`
}

// Document is a text by its hash.
type Document struct {
	// SHA256 of the text, lower-case hex.
	SHA256 string `json:"sha256"`
	// Text is the text itself; absent if it is longer than [MaxText] or not plain text.
	Text string `json:"text,omitempty"`
}

// The bounds of a Setup, so that its record has room for it.
const (
	// MaxText is the length of a [Document]'s text.
	MaxText = 64 << 10
	// MaxFlags is the number of flags, and MaxFlag the length of one's value.
	MaxFlags = 32
	MaxFlag  = 1 << 10
	maxName  = 128 // of a version
)

var validFlag = regexp.MustCompile(`^audit-[a-z0-9-]{1,57}$`)

// NewDocument describes a text.
func NewDocument(data []byte) *Document {
	d := &Document{SHA256: Sum(data)}
	if isText(string(data)) {
		d.Text = string(data)
	}
	return d
}

// isText says whether a Document shows a text: escapes do not make it much longer.
func isText(s string) bool {
	isControl := func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' }
	return len(s) <= MaxText && utf8.ValidString(s) && strings.IndexFunc(s, isControl) < 0
}

// SetFlag adds a flag of kube-apiserver; one that is not about auditing, or out of
// bounds, is left out.
func (s *Setup) SetFlag(name, value string) {
	if validFlag.MatchString(name) && len(value) <= MaxFlag && len(s.Flags) < MaxFlags {
		if s.Flags == nil {
			s.Flags = map[string]string{}
		}
		s.Flags[name] = text(value)
	}
}

func (s *Setup) check() error {
	if s == nil {
		return nil
	}
	if len(s.Sidecar) > maxName || len(s.Server) > maxName || len(s.Flags) > MaxFlags {
		return invalid("setup: version %q of %q, %d flags", s.Sidecar, s.Server, len(s.Flags))
	}
	for name, value := range s.Flags {
		if !validFlag.MatchString(name) || len(value) > 3*MaxFlag { // U+FFFD has three bytes
			return invalid("setup: flag %q with %d bytes", name, len(value))
		}
	}
	for _, d := range []*Document{s.Policy, s.Redaction} {
		if d != nil && (!validSum.MatchString(d.SHA256) || d.Text != "" && (!isText(d.Text) || Sum([]byte(d.Text)) != d.SHA256)) {
			return invalid("setup: a text of %d bytes with the SHA-256 %q", len(d.Text), d.SHA256)
		}
	}
	return nil
}
