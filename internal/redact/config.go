package redact

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Config says which of the rules that need not be written are used, and which
// others there are.
type Config struct {
	// Disable and Enable name rules of [Builtins].
	Disable, Enable []string
	// Rules are the others.
	Rules []Rule
}

// Rule replaces values in the events of a resource.
type Rule struct {
	// Name of the rule, for messages.
	Name string
	// Group, Resource and Subresource of the events' objectRef. Nil is any;
	// the empty Group is the core group, the empty Subresource is none.
	Group, Resource, Subresource *string
	// Paths say where the values are: requestObject, responseObject,
	// responseStatus or annotations, then the names of members, each after a
	// dot or as ["name"], a dot and * for any, [*] for the elements of a list.
	// Everything below such a place is replaced. A path into an object counts
	// for the items of a list as well, the rows of a table and the values of a
	// JSON patch.
	Paths []string
}

// Builtins returns the names of the rules that need not be written, and which
// of them are used unless they are disabled.
func Builtins() (names []string, byDefault map[string]bool) {
	names = []string{ruleSecrets, ruleConfigMaps, ruleConfigMapReads, ruleTokens, ruleURIs}
	byDefault = map[string]bool{ruleSecrets: true, ruleConfigMaps: true, ruleTokens: true, ruleURIs: true}
	return names, byDefault
}

// builtins returns the names of the rules that are used, in their order.
func (c *Config) builtins() (used []string) {
	names, byDefault := Builtins()
	for _, name := range names {
		if byDefault[name] && !slices.Contains(c.Disable, name) || slices.Contains(c.Enable, name) {
			used = append(used, name)
		}
	}
	return used
}

// validate returns all that is wrong with the names.
func (c *Config) validate() error {
	names, _ := Builtins()
	var errs []error
	for _, list := range [][]string{c.Disable, c.Enable} {
		for _, name := range list {
			if !slices.Contains(names, name) {
				errs = append(errs, fmt.Errorf("there is no rule %q to enable or disable; there are %s", name, strings.Join(names, ", ")))
			}
		}
	}
	for _, name := range c.Disable {
		if slices.Contains(c.Enable, name) {
			errs = append(errs, fmt.Errorf("rule %q is both enabled and disabled", name))
		}
	}
	return errors.Join(errs...)
}
