-- The evidence of an event
-- Answers: In which original file, and in which line of it, does each event stand? `auditsidecar restore` gives that line byte for byte.
-- Reads: the rows of one object.
-- Needs: create, update, patch, delete of clusterrolebindings.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT event_time, verb, user_name, node, epoch, seq, source_file, source_line, line_part, audit_id
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND object_resource = 'clusterrolebindings'
  AND verb IN ('create', 'update', 'patch', 'delete')
ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part
LIMIT 1000;
