package detect

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Options of the forms.
type Options struct {
	Job     string // label job of the streams
	Grafana string // its address, for links
	Allow   Allow
}

// published is where the runbooks are.
const published = "https://github.com/auditsidecar/auditsidecar/blob/main/docs/detections.md#"

// Forms are the names of the forms, SQL apart.
func Forms() []string { return []string{"loki", "prometheusrule", "alertingrule", "configmap"} }

type ruleFile struct {
	Groups []ruleGroup `yaml:"groups"`
}

type ruleGroup struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval"`
	Rules    []rule `yaml:"rules"`
}

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Keep        string            `yaml:"keep_firing_for,omitempty"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

const ruleHead = `# Detections over the stream of the audit log, for Loki's ruler. Generated from
# manifests/detections by "auditsidecar rules print": change them there, or keep what
# is ordinary in your clusters in an allow list (docs/detections.md).
`

// Print returns the rules in one of [Forms].
func (s Source) Print(form string, o Options) (string, error) {
	file := ruleFile{Groups: s.ruleGroups(o)}
	var document any
	meta := map[string]any{"name": "auditsidecar-detections", "labels": map[string]string{"app.kubernetes.io/name": "auditsidecar"}}
	switch form {
	case "loki":
		document = file
	case "prometheusrule":
		document = map[string]any{"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": meta, "spec": file}
	case "alertingrule":
		for _, g := range file.Groups {
			for i := range g.Rules {
				g.Rules[i].Keep = "" // the operator's rules have no such field, and kubectl refuses it
			}
		}
		document = map[string]any{"apiVersion": "loki.grafana.com/v1", "kind": "AlertingRule", "metadata": meta,
			"spec": map[string]any{"tenantID": "audit", "groups": file.Groups}}
	case "configmap":
		text, err := marshal(file)
		if err != nil {
			return "", err
		}
		meta["labels"] = map[string]string{"app.kubernetes.io/name": "auditsidecar", "loki_rule": "true"}
		document = map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": map[string]string{"auditsidecar-detections.yaml": text}}
	default:
		return "", fmt.Errorf("unknown format %q: expected %s or sql", form, strings.Join(Forms(), ", "))
	}
	text, err := marshal(document)
	return ruleHead + text, err
}

func marshal(document any) (string, error) {
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(document); err != nil {
		return "", fmt.Errorf("write YAML: %w", err)
	}
	return out.String(), nil
}

// A rule with a long window reads many lines, so it is evaluated less often.
const (
	slowWindow   = duration(30 * time.Minute)
	slowInterval = duration(5 * time.Minute)
)

func (s Source) ruleGroups(o Options) (groups []ruleGroup) {
	for _, g := range s.Groups {
		out, slow := ruleGroup{Name: g.Name, Interval: g.Interval.Text()}, ruleGroup{Name: g.Name + "-slow", Interval: slowInterval.Text()}
		for _, d := range g.Detections {
			expr := d.Rule(o.Job, o.Allow)
			if expr == "" || d.SQL != "" {
				continue
			}
			r := rule{Alert: d.Alert, Expr: expr, Keep: "15m", Labels: map[string]string{"severity": d.Severity, "mitre_attack": d.Attack[0], "mitre_tactic": d.Tactic},
				Annotations: d.annotations(o)}
			if d.For > 0 {
				r.For = d.For.Text()
			}
			if d.Window >= slowWindow {
				slow.Rules = append(slow.Rules, r)
			} else {
				out.Rules = append(out.Rules, r)
			}
		}
		groups = append(groups, out, slow)
	}
	return slices.DeleteFunc(groups, func(g ruleGroup) bool { return len(g.Rules) == 0 })
}

// label is a label in the template of a summary.
var label = regexp.MustCompile(`\{\{ *(?:or )?\$labels\.(\w+)[^}]*\}\}`)

// SummaryText is the summary without its template.
func (d *Detection) SummaryText() string {
	return strings.ReplaceAll(label.ReplaceAllString(d.Summary, "$1"), "{{ $value }}", "many")
}

// annotations are for a person on call: the event, first steps, and the ways to the
// lines and to the dashboard. None has a part of a line.
func (d *Detection) annotations(o Options) map[string]string {
	all := map[string]string{"summary": d.Summary, "runbook": d.Runbook, "runbook_url": published + strings.ToLower(d.Alert)}
	names := append([]string{"cluster"}, d.By...)
	if d.LogQL != "" {
		names = append(names, "node")
	}
	job := o.Job
	if job == "" {
		job = DefaultJob
	}
	query := fmt.Sprintf(`{job="%s", cluster="{{ $labels.cluster }}"}`, job)
	dashboard := strings.TrimSuffix(o.Grafana, "/") + "/d/auditsidecar-audit?var-cluster={{ $labels.cluster | urlquery }}"
	for _, f := range fields() {
		if !slices.Contains(names, f.name) {
			continue
		}
		query += fmt.Sprintf(" | %s=`{{ $labels.%s }}`", f.label, f.label)
		if slices.Contains([]string{"user", "namespace", "verb"}, f.name) {
			dashboard += fmt.Sprintf("&var-%s={{ $labels.%s | urlquery }}", f.name, f.label)
		}
	}
	all["query"] = query
	if o.Grafana != "" {
		all["dashboard_url"] = dashboard
		all["explore_url"] = strings.TrimSuffix(o.Grafana, "/") + exploreLink(query)
	}
	return all
}

// exploreLink is Explore with a query. The labels keep their template, which is
// escaped where it is filled in.
func exploreLink(query string) string {
	pane := `{"a":{"datasource":"audit-loki","queries":[{"refId":"A","expr":%s}],"range":{"from":"now-1h","to":"now"}}}`
	quoted := strings.ReplaceAll(query, `"`, `\"`)
	text := fmt.Sprintf(pane, `"`+quoted+`"`)
	var out strings.Builder
	for len(text) > 0 {
		before, after, found := strings.Cut(text, "{{ $labels.")
		out.WriteString(url.QueryEscape(before))
		if !found {
			break
		}
		name, rest, _ := strings.Cut(after, " }}")
		out.WriteString("{{ $labels." + name + " | urlquery }}")
		text = rest
	}
	return "/explore?schemaVersion=1&panes=" + strings.ReplaceAll(out.String(), "+", "%20")
}
