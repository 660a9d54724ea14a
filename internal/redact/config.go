package redact

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Config says which of the rules that need not be written are used, and which
// others there are.
type Config struct {
	// Disable and Enable name built-in rules.
	Disable []string `yaml:"disable"`
	Enable  []string `yaml:"enable"`
	// Rules are the others.
	Rules []Rule `yaml:"rules"`
}

// Rule replaces values in the events of a resource.
type Rule struct {
	// Name of the rule, for messages.
	Name string `yaml:"name"`
	// Group, Resource and Subresource of the events' objectRef. Nil is any;
	// the empty Group is the core group, an empty Subresource matches none.
	Group       *string `yaml:"group"`
	Resource    *string `yaml:"resource"`
	Subresource *string `yaml:"subresource"`
	// Paths say where the values are: a member of the event, such as requestObject, user or
	// requestURI, then the names of members, each after a dot or as ["name"], a dot and * for any, [*]
	// for the elements of a list, [name=~"REGEXP"] for those whose member "name" matches. The members
	// of requestURI are its parameters. Everything below such a position is replaced. A path into an
	// object counts for the items of a list as well, the rows of a table and the values of a JSON patch.
	Paths []string `yaml:"paths"`
	// Whole replaces the value at each path by one marker, names of members included.
	Whole bool `yaml:"whole" json:",omitempty"`
}

// Uses says whether a built-in rule is used.
func (c *Config) Uses(b Builtin) bool {
	return b.Default && !slices.Contains(c.Disable, b.Name) || slices.Contains(c.Enable, b.Name)
}

// validate returns all that is wrong with the names.
func (c *Config) validate() error {
	var names []string
	for _, b := range Builtins() {
		names = append(names, b.Name)
	}
	var errs []error
	for _, name := range slices.Concat(c.Disable, c.Enable) {
		if !slices.Contains(names, name) {
			errs = append(errs, fmt.Errorf("there is no rule %q to enable or disable; there are %s", name, strings.Join(names, ", ")))
		}
	}
	for _, name := range c.Disable {
		if slices.Contains(c.Enable, name) {
			errs = append(errs, fmt.Errorf("rule %q is both enabled and disabled", name))
		}
	}
	return errors.Join(errs...)
}

// ReadConfig reads a file of rules:
//
//	disable: [configmaps]
//	rules:
//	  - name: environment
//	    group: apps
//	    resource: deployments
//	    paths:
//	      - requestObject.spec.template.spec.containers[*].env[*].value
//
// All mistakes are in the one error, each with its line. An empty file is the
// default configuration.
func ReadConfig(file string) (Config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Config{}, fmt.Errorf("read the redaction rules: %w", err)
	}
	return parseConfig(file, data)
}

func parseConfig(file string, data []byte) (Config, error) {
	var c Config
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, fmt.Errorf("redaction rules %w", inFile(file, err))
	}
	var more yaml.Node
	if err := dec.Decode(&more); err == nil {
		return Config{}, fmt.Errorf("redaction rules %s:%d: a second YAML document begins; put all rules into one", file, more.Line)
	} else if !errors.Is(err, io.EOF) {
		return Config{}, fmt.Errorf("redaction rules %w", inFile(file, err))
	}
	var errs []error
	if err := c.validate(); err != nil {
		errs = append(errs, fmt.Errorf("redaction rules %s: %w", file, err))
	}
	lines := ruleLines(data)
	for i := range c.Rules {
		if _, err := c.Rules[i].compile(); err != nil {
			errs = append(errs, fmt.Errorf("redaction rules %s:%d: %w", file, lines[i], err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// ruleLines returns the line at which each rule of a valid file begins.
func ruleLines(data []byte) (lines []int) {
	var top struct {
		Rules []yaml.Node `yaml:"rules"`
	}
	_ = yaml.Unmarshal(data, &top) // it was decoded before
	for _, n := range top.Rules {
		lines = append(lines, n.Line)
	}
	return lines
}

// atLine is how the YAML package says where it stopped.
var atLine = regexp.MustCompile(`(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): `)

// inFile puts the file's name and the line before each mistake.
func inFile(file string, err error) error {
	return errors.New(atLine.ReplaceAllString(err.Error(), strings.ReplaceAll(file, "$", "$$")+":$1: "))
}

// Policy lists the values to replace. It does not change once it is made.
type Policy struct {
	rules   []rule
	uris    bool   // credentials in URIs
	reaches bool   // anything is replaced
	inner   *node  // of a Secret in another object's body; nil: not looked for
	copies  *node  // of a body in which a Secret may be: annotations that hold it as text
	text    string // canonical, of the rules
}

// engine is part of a policy's hash: it changes when the same rules come to
// replace other bytes.
const engine = "auditsidecar redaction 3"

// NewPolicy makes the rules that a configuration asks for.
func NewPolicy(c Config) (*Policy, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	p := &Policy{}
	var text strings.Builder
	fmt.Fprintln(&text, engine)
	for _, b := range Builtins() {
		if !c.Uses(b) {
			continue
		}
		fmt.Fprintf(&text, "rule %s\n", b.Name)
		p.rules = append(p.rules, b.make(b.Name)...)
		switch b.Name {
		case ruleURIs:
			p.uris = true
		case ruleSecrets:
			p.inner = innerSecret()
			p.copies = anywhere(named("annotations", &node{secrets: true}))
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
	p.reaches = p.uris || len(p.rules) > 0
	p.text = text.String()
	return p, nil
}

// Text has the rules, one a line, and the version of their effect.
func (p *Policy) Text() string { return p.text }

// Hash names the policy: the SHA-256, in hex, of its rules and of the version
// of their effect. The key is no part of it.
func (p *Policy) Hash() string {
	sum := sha256.Sum256([]byte(p.text))
	return hex.EncodeToString(sum[:])
}
