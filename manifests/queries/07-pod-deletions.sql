-- Pods deleted in a time window
-- Answers: Who deleted these pods, or evicted them?
-- Reads: the rows of one resource.
-- Needs: delete, deletecollection of pods; create of pods/eviction.
-- Change: cluster 'production', day '2026-11-22', from '2026-11-22 16:00:00' and to '2026-11-22 18:00:00'.
SELECT event_time, verb, object_subresource, object_namespace, object_name, user_name, response_code, audit_id
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND object_resource = 'pods'
  AND (verb IN ('delete', 'deletecollection') OR object_subresource = 'eviction')
  AND event_time >= TIMESTAMP '2026-11-22 16:00:00'
  AND event_time < TIMESTAMP '2026-11-22 18:00:00'
  AND stage = 'ResponseComplete'
ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part
LIMIT 1000;
