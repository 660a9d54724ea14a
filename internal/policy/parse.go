package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	apiVersion = "audit.k8s.io/v1"
	kind       = "Policy"

	// maxFile and maxValues bound the input: a policy has some kilobytes,
	// and YAML's aliases can make much of little.
	maxFile   = 1 << 20
	maxValues = 100_000
	// maxMerges is how deep merge keys may refer to each other.
	maxMerges = 8
)

// The IDs of what [Parse] finds.
const (
	idSyntax  = "syntax"
	idUnknown = "unknown-field"
	idInvalid = "invalid"
	idVersion = "api-version"
)

// Parse reads a policy, YAML or JSON. usable is false where kube-apiserver would
// refuse it; the findings then say why, and p has the readable part.
func Parse(data []byte) (p Policy, findings []Finding, usable bool) {
	if len(data) > maxFile {
		return p, []Finding{{ID: idSyntax, Severity: SeverityError, Fix: "is this an audit policy?",
			Message: fmt.Sprintf("the file has %d bytes, more than the %d that are read", len(data), maxFile)}}, false
	}
	d := &decoder{left: maxValues}
	if doc := d.document(data); doc != nil {
		d.policy(doc, &p)
	}
	if d.left < 0 {
		d.report(idSyntax, SeverityError, 0, "is this an audit policy?", "the file has more than %d values", maxValues)
	}
	slices.SortStableFunc(d.findings, func(a, b Finding) int { return a.Line - b.Line })
	refused := slices.ContainsFunc(d.findings, func(f Finding) bool { return f.Severity == SeverityError })
	return p, d.findings, !refused
}

// decoder walks the nodes of a YAML file and collects faults.
type decoder struct {
	findings []Finding
	rule     int // being read, 1-based
	left     int // values that may still come
}

func (d *decoder) report(id string, severity Severity, line int, fix, message string, args ...any) {
	text := fmt.Sprintf(message, args...)
	if d.rule > 0 {
		text = fmt.Sprintf("rule %d: %s", d.rule, text)
	}
	d.findings = append(d.findings, Finding{ID: id, Severity: severity, Line: line, Rule: d.rule, Message: text, Fix: fix})
}

// refuse reports a fault that keeps kube-apiserver from starting.
func (d *decoder) refuse(id string, line int, fix, message string, args ...any) {
	d.report(id, SeverityError, line, fix, message, args...)
}

// document returns the mapping at the top of the first document.
func (d *decoder) document(data []byte) *yaml.Node {
	var doc, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		d.refuse(idSyntax, 0, "begin with `auditsidecar policy print`", "the file is empty")
		return nil
	} else if err != nil {
		d.refuse(idSyntax, 0, "correct the YAML", "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		d.report(idSyntax, SeverityWarning, more.Line, "put everything into one document", "kube-apiserver reads only the first YAML document of the file")
	}
	top := resolve(doc.Content[0])
	if top.Kind != yaml.MappingNode {
		d.refuse(idSyntax, top.Line, "begin with `auditsidecar policy print`", "expected a policy: apiVersion, kind and rules")
		return nil
	}
	return top
}

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// fields calls read for each field of a mapping that it knows, and reports the
// others. It reports whether n is a mapping.
func (d *decoder) fields(n *yaml.Node, what string, read map[string]func(*yaml.Node)) bool {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		d.refuse(idInvalid, n.Line, "see `auditsidecar policy print` for the form", "expected a mapping for %s", what)
		return false
	}
	seen := map[string]bool{}
	for _, p := range d.pairs(n, maxMerges) {
		key, f := p.key, read[p.key.Value]
		switch {
		case f == nil:
			d.report(idUnknown, SeverityWarning, key.Line, unknownFix(key.Value, read),
				"kube-apiserver ignores the unknown field %q in %s", key.Value, what)
		case seen[key.Value]:
			d.report(idUnknown, SeverityWarning, key.Line, "keep one of them", "%q is there twice in %s", key.Value, what)
		case !isNull(p.value):
			f(p.value)
		}
		seen[key.Value] = true
	}
	return true
}

// pair is a key of a mapping with its value.
type pair struct{ key, value *yaml.Node }

// pairs returns the keys and values of a mapping, with those that it merges (<<)
// and does not have itself.
func (d *decoder) pairs(n *yaml.Node, depth int) (own []pair) {
	if d.left -= len(n.Content); n.Kind != yaml.MappingNode || d.left < 0 || depth == 0 {
		return nil
	}
	var merged []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolve(n.Content[i+1])
		if key.ShortTag() != "!!merge" {
			own = append(own, pair{key, value})
			continue
		}
		sources := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			sources = value.Content
		}
		for _, source := range sources {
			merged = append(merged, d.pairs(resolve(source), depth-1)...)
		}
	}
	for _, m := range merged {
		if !slices.ContainsFunc(own, func(p pair) bool { return p.key.Value == m.key.Value }) {
			own = append(own, m)
		}
	}
	return own
}

// unknownFix suggests the field that differs in nothing but its case.
func unknownFix(key string, known map[string]func(*yaml.Node)) string {
	for k := range known {
		if strings.EqualFold(k, key) || strings.EqualFold(k, key+"s") || strings.EqualFold(k+"s", key) {
			return fmt.Sprintf("write %q", k)
		}
	}
	return "remove or correct it"
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// policy reads the whole.
func (d *decoder) policy(n *yaml.Node, p *Policy) {
	p.line = n.Line
	var version, what string
	d.fields(n, "the policy", map[string]func(*yaml.Node){
		"apiVersion":        func(n *yaml.Node) { version = d.text(n, "apiVersion") },
		"kind":              func(n *yaml.Node) { what = d.text(n, "kind") },
		"metadata":          func(*yaml.Node) {},
		"omitStages":        func(n *yaml.Node) { p.OmitStages = d.stages(n) },
		"omitManagedFields": func(n *yaml.Node) { p.OmitManagedFields = d.truth(n, "omitManagedFields") },
		"rules":             func(n *yaml.Node) { p.Rules = d.rules(n) },
	})
	if version != apiVersion || what != kind {
		d.refuse(idVersion, n.Line, fmt.Sprintf("write apiVersion: %s and kind: %s", apiVersion, kind),
			"apiVersion is %q and kind %q; v1beta1 and v1alpha1 are gone since Kubernetes 1.24", version, what)
	}
	if len(p.Rules) == 0 {
		d.refuse(idInvalid, n.Line, "begin with `auditsidecar policy print`", "the policy has no rules")
	}
}
