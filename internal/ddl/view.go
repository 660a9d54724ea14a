package ddl

// viewColumn is a column of the view audit.
type viewColumn struct{ Name, Expr string }

// viewColumns returns the columns of the view audit: the same names and types
// in every engine.
func (d dialect) viewColumns() []viewColumn {
	same := func(names ...string) (columns []viewColumn) {
		for _, n := range names {
			columns = append(columns, viewColumn{n, n})
		}
		return columns
	}
	var view []viewColumn
	view = append(view, same("cluster", "dt", "node")...)
	view = append(view,
		viewColumn{"event_time", d.UTC("stage_timestamp")},
		viewColumn{"received_time", d.UTC("request_received_timestamp")})
	view = append(view, same("level", "stage", "verb", "audit_id", "request_uri", "user_agent", "user_name", "user_uid")...)
	view = append(view,
		viewColumn{"user_groups", d.Join("user_groups")},
		viewColumn{"credential_id", d.First(d.At("user_extra", "authentication.kubernetes.io/credential-id"))},
		viewColumn{"pod_name", d.First(d.At("user_extra", "authentication.kubernetes.io/pod-name"))},
		viewColumn{"pod_node_name", d.First(d.At("user_extra", "authentication.kubernetes.io/node-name"))})
	view = append(view, same("impersonated_user_name", "impersonated_user_uid")...)
	view = append(view,
		viewColumn{"impersonated_user_groups", d.Join("impersonated_user_groups")},
		viewColumn{"source_ip", d.First("source_ips")},
		viewColumn{"source_ips", d.Join("source_ips")})
	view = append(view, same(
		"object_resource", "object_namespace", "object_name", "object_uid", "object_api_group", "object_api_version",
		"object_resource_version", "object_subresource",
		"response_code", "response_status", "response_reason", "response_message",
		"request_object", "response_object")...)
	view = append(view,
		viewColumn{"authorization_decision", d.At("annotations", "authorization.k8s.io/decision")},
		viewColumn{"authorization_reason", d.At("annotations", "authorization.k8s.io/reason")},
		viewColumn{"pod_security_violations", d.At("annotations", "pod-security.kubernetes.io/audit-violations")})
	return append(view, same("unknown_fields", "decode_status", "epoch", "seq", "source_file", "source_line", "line_part")...)
}
