-- Changes of RBAC
-- Answers: Who changed which role or binding, and to what?
-- Reads: the rows of four resources; request_object of those that match.
-- Needs: create, update, patch, delete, deletecollection of roles, rolebindings, clusterroles, clusterrolebindings; create, update, patch of roles, rolebindings, clusterroles, clusterrolebindings at Request.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT event_time, user_name, source_ip, verb, object_resource, object_namespace, object_name, response_code, request_object, audit_id
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND object_resource IN ('roles', 'rolebindings', 'clusterroles', 'clusterrolebindings')
  AND verb IN ('create', 'update', 'patch', 'delete', 'deletecollection')
  AND stage = 'ResponseComplete'
ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part
LIMIT 1000;
