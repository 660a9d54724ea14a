-- Everything done to the secrets of one namespace
-- Answers: Who created, changed, read or deleted secrets here?
-- Reads: the rows of one resource and namespace.
-- Needs: every verb of secrets.
-- Change: cluster 'production', day '2026-11-22' and namespace 'team-03'.
SELECT event_time, verb, object_name, user_name, source_ip, response_code, audit_id
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND object_resource = 'secrets'
  AND object_namespace = 'team-03'
  AND stage = 'ResponseComplete'
ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part
LIMIT 1000;
