-- What changed on this object
-- Answers: Each write of one object, its body, and the body before it.
-- Reads: the rows of one object: they stand together; their request_object.
-- Needs: create, update, patch of deployments at Request; delete of deployments.
-- Change: cluster 'production', day '2026-11-22', resource 'deployments', namespace 'team-03' and name 'web'.
SELECT event_time, user_name, verb, object_subresource, response_code, request_object,
  lag(request_object) OVER (ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part) AS previous_request_object,
  audit_id
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND object_resource = 'deployments'
  AND object_namespace = 'team-03'
  AND object_name = 'web'
  AND verb IN ('create', 'update', 'patch', 'delete')
  AND stage = 'ResponseComplete'
ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part
LIMIT 1000;
