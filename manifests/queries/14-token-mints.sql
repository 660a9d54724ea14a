-- Tokens of service accounts
-- Answers: Who asked for tokens of which service account?
-- Reads: the rows of one resource.
-- Needs: create of serviceaccounts/token.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT event_time, user_name, source_ip, object_namespace, object_name, response_code, audit_id
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND object_resource = 'serviceaccounts'
  AND object_subresource = 'token'
  AND verb = 'create'
  AND stage = 'ResponseComplete'
ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part
LIMIT 1000;
