-- Changes in kube-system
-- Answers: Who, other than the system itself, changed something in kube-system?
-- Reads: the rows of one namespace, in each resource.
-- Needs: create, update, patch, delete, deletecollection of anything in kube-system.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT event_time, user_name, source_ip, verb, object_resource, object_name, response_code, audit_id
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND object_namespace = 'kube-system'
  AND verb IN ('create', 'update', 'patch', 'delete', 'deletecollection')
  AND user_name NOT LIKE 'system:%'
  AND stage = 'ResponseComplete'
ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part
LIMIT 1000;
