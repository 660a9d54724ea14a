-- Grants of cluster-admin
-- Answers: Who granted cluster-admin, and to whom?
-- Reads: request_object of two resources.
-- Needs: create, update, patch of rolebindings, clusterrolebindings at Request.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT event_time, user_name, source_ip, verb, object_resource, object_namespace, object_name, response_code, request_object, audit_id
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND object_resource IN ('rolebindings', 'clusterrolebindings')
  AND verb IN ('create', 'update', 'patch')
  AND stage = 'ResponseComplete'
  AND request_object LIKE '%"cluster-admin"%'
ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part
LIMIT 1000;
