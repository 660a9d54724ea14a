package redact

import (
	"bytes"
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
	// the empty Group is the core group, the empty Subresource is none.
	Group       *string `yaml:"group"`
	Resource    *string `yaml:"resource"`
	Subresource *string `yaml:"subresource"`
	// Paths say where the values are: requestObject, responseObject,
	// responseStatus or annotations, then the names of members, each after a
	// dot or as ["name"], a dot and * for any, [*] for the elements of a list.
	// Everything below such a place is replaced. A path into an object counts
	// for the items of a list as well, the rows of a table and the values of a
	// JSON patch.
	Paths []string `yaml:"paths"`
}

// builtinNames are the names of the built-in rules. All but one are used unless they are disabled.
var builtinNames = []string{ruleSecrets, ruleConfigMaps, ruleConfigMapReads, ruleTokens, ruleURIs}

// builtins returns the names of the rules that are used, in their order.
func (c *Config) builtins() (used []string) {
	for _, name := range builtinNames {
		byDefault := name != ruleConfigMapReads && !slices.Contains(c.Disable, name)
		if byDefault || slices.Contains(c.Enable, name) {
			used = append(used, name)
		}
	}
	return used
}

// validate returns all that is wrong with the names.
func (c *Config) validate() error {
	var errs []error
	for _, name := range slices.Concat(c.Disable, c.Enable) {
		if !slices.Contains(builtinNames, name) {
			errs = append(errs, fmt.Errorf("there is no rule %q to enable or disable; there are %s", name, strings.Join(builtinNames, ", ")))
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
var atLine = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): `)

// inFile puts the file's name and the line before each mistake.
func inFile(file string, err error) error {
	texts := []string{err.Error()}
	if mistakes, ok := errors.AsType[*yaml.TypeError](err); ok {
		texts = mistakes.Errors
	}
	var errs []error
	for _, text := range texts {
		at := file
		if m := atLine.FindStringSubmatch(text); m != nil {
			at, text = file+":"+m[1], text[len(m[0]):]
		}
		errs = append(errs, errors.New(at+": "+text))
	}
	return errors.Join(errs...)
}
