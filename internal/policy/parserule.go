package policy

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The stages of a request.
const (
	stageReceived = "RequestReceived"
	stageStarted  = "ResponseStarted"
	stageComplete = "ResponseComplete"
	stagePanic    = "Panic"
)

// groupName matches the name of an API group: a DNS subdomain.
var groupName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

func (d *decoder) rules(n *yaml.Node) []Rule {
	items := d.items(n, "rules")
	all := make([]Rule, 0, len(items))
	for i, item := range items {
		d.rule = i + 1
		all = append(all, d.oneRule(item))
	}
	d.rule = 0
	return all
}

func (d *decoder) oneRule(n *yaml.Node) Rule {
	n = resolve(n)
	r := Rule{Line: n.Line}
	level := ""
	list := func(name string, into *[]string) func(*yaml.Node) {
		return func(n *yaml.Node) { *into = d.texts(n, name) }
	}
	known := d.fields(n, "the rule", map[string]func(*yaml.Node){
		"level":           func(n *yaml.Node) { level = d.text(n, "level") },
		"users":           list("users", &r.Users),
		"userGroups":      list("userGroups", &r.UserGroups),
		"verbs":           list("verbs", &r.Verbs),
		"namespaces":      list("namespaces", &r.Namespaces),
		"nonResourceURLs": list("nonResourceURLs", &r.NonResourceURLs),
		"resources":       func(n *yaml.Node) { r.Resources = d.resources(n) },
		"omitStages":      func(n *yaml.Node) { r.OmitStages = d.stages(n) },
		"omitManagedFields": func(n *yaml.Node) {
			omit := d.truth(n, "omitManagedFields")
			r.OmitManagedFields = &omit
		},
	})
	if known {
		d.checkRule(&r, level)
	}
	return r
}

func (d *decoder) checkRule(r *Rule, level string) {
	if i := slices.Index(levelNames, level); i >= 0 {
		r.Level = Level(i)
	} else {
		d.refuse(idInvalid, r.Line, "write None, Metadata, Request or RequestResponse", "level %q is not one that kube-apiserver knows", level)
	}
	if len(r.NonResourceURLs) > 0 && (len(r.Resources) > 0 || len(r.Namespaces) > 0) {
		d.refuse(idInvalid, r.Line, "make two rules of it", "a rule is about resources or about nonResourceURLs, not both")
	}
	for _, u := range r.NonResourceURLs {
		if u != "*" && !strings.HasPrefix(u, "/") {
			d.refuse(idInvalid, r.Line, "write it as kube-apiserver sees it, such as /healthz*", "nonResourceURLs: %q does not begin with a slash", u)
		} else if u != "*" && strings.Contains(u[:len(u)-1], "*") {
			d.refuse(idInvalid, r.Line, "leave only a * at the end", "nonResourceURLs: %q has a * before its end", u)
		}
	}
}

func (d *decoder) resources(n *yaml.Node) []GroupResources {
	var all []GroupResources
	for _, item := range d.items(n, "resources") {
		item = resolve(item)
		g := GroupResources{Line: item.Line}
		d.fields(item, "resources", map[string]func(*yaml.Node){
			"group":         func(n *yaml.Node) { g.Group = d.text(n, "group") },
			"resources":     func(n *yaml.Node) { g.Resources = d.texts(n, "resources") },
			"resourceNames": func(n *yaml.Node) { g.ResourceNames = d.texts(n, "resourceNames") },
		})
		if g.Group != "" && g.Group != "*" && (len(g.Group) > 253 || !groupName.MatchString(g.Group)) {
			d.refuse(idInvalid, g.Line, "leave out the version: rbac.authorization.k8s.io", "group %q is no name of an API group", g.Group)
		}
		if len(g.ResourceNames) > 0 && len(g.Resources) == 0 {
			d.refuse(idInvalid, g.Line, "say which resources have these names", "resourceNames without resources")
		}
		all = append(all, g)
	}
	return all
}

func (d *decoder) stages(n *yaml.Node) []string {
	all := d.texts(n, "omitStages")
	for _, s := range all {
		if !slices.Contains([]string{stageReceived, stageStarted, stageComplete, stagePanic}, s) {
			d.refuse(idInvalid, n.Line, "write RequestReceived, ResponseStarted, ResponseComplete or Panic", "omitStages: %q is no stage", s)
		}
	}
	return all
}

// items returns the elements of a list.
func (d *decoder) items(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		d.refuse(idInvalid, n.Line, "begin each element with a dash", "%s: expected a list", what)
		return nil
	}
	if d.left -= len(n.Content); d.left < 0 {
		return nil
	}
	return n.Content
}

func (d *decoder) texts(n *yaml.Node, what string) []string {
	var all []string
	for _, item := range d.items(n, what) {
		all = append(all, d.text(resolve(item), what))
	}
	return all
}

func (d *decoder) text(n *yaml.Node, what string) string {
	if isNull(n) {
		return "" // as kube-apiserver reads it
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" && n.ShortTag() != "!!timestamp" {
		d.refuse(idInvalid, n.Line, "put it in quotes if it is text", "%s: expected text", what)
		return ""
	}
	return n.Value
}

func (d *decoder) truth(n *yaml.Node, what string) bool {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		d.refuse(idInvalid, n.Line, "write true or false", "%s: expected true or false", what)
		return false
	}
	return n.Value == "true" || n.Value == "True" || n.Value == "TRUE"
}
