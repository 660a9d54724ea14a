-- What was deleted in an hour
-- Answers: Who deleted what, and whole collections at once?
-- Reads: verb, and what is shown of the rows that match.
-- Needs: delete, deletecollection of anything.
-- Change: cluster 'production', day '2026-11-22', from '2026-11-22 16:30:00' and to '2026-11-22 17:30:00'.
SELECT event_time, verb, object_resource, object_namespace, object_name, user_name, source_ip, response_code, audit_id
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND verb IN ('delete', 'deletecollection')
  AND event_time >= TIMESTAMP '2026-11-22 16:30:00'
  AND event_time < TIMESTAMP '2026-11-22 17:30:00'
  AND stage = 'ResponseComplete'
ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part
LIMIT 1000;
