-- Certificates asked for and approved
-- Answers: Who requested, approved or signed client certificates?
-- Reads: the rows of one resource.
-- Needs: create, update, patch, delete of certificatesigningrequests; update, patch of certificatesigningrequests/approval.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT event_time, user_name, source_ip, verb, object_subresource, object_name, response_code, audit_id
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND object_resource = 'certificatesigningrequests'
  AND verb IN ('create', 'update', 'patch', 'delete')
  AND stage = 'ResponseComplete'
ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part
LIMIT 1000;
