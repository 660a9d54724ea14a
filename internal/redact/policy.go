package redact

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Policy is what is replaced. It does not change once it is made.
type Policy struct {
	rules  []rule
	uris   bool   // credentials in URIs
	bodies bool   // any rule reaches into bodies
	inner  *node  // of a Secret in another object's body; nil: not looked for
	text   string // canonical, of the rules
}

// engine is part of a policy's hash: it changes when the same rules come to
// replace other bytes.
const engine = "auditsidecar redaction 2"

// NewPolicy makes the rules that a configuration asks for.
func NewPolicy(c Config) (*Policy, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	p := &Policy{}
	var text strings.Builder
	fmt.Fprintln(&text, engine)
	for _, name := range c.builtins() {
		fmt.Fprintf(&text, "rule %s\n", name)
		p.rules = append(p.rules, builtin(name)...)
		switch name {
		case ruleURIs:
			p.uris = true
		case ruleSecrets:
			p.inner = innerSecret()
		}
	}
	for _, own := range c.Rules {
		u, err := own.compile()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&text, "%s\n", own.canonical())
		p.rules = append(p.rules, u)
	}
	for i := range p.rules {
		u := &p.rules[i]
		p.bodies = p.bodies || u.roots[partRequest] != nil || u.roots[partResponse] != nil
	}
	p.text = text.String()
	return p, nil
}

// Text has the rules, one a line, and the version of what they do.
func (p *Policy) Text() string { return p.text }

// Hash names the policy: the SHA-256, in hex, of its rules and of the version
// of what they do. The key is no part of it.
func (p *Policy) Hash() string {
	sum := sha256.Sum256([]byte(p.text))
	return hex.EncodeToString(sum[:])
}
