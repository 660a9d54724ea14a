-- All stages of one request
-- Answers: What became of the request with this ID?
-- Reads: the bloom filter of audit_id skips row groups without it.
-- Needs: every verb of anything.
-- Change: cluster 'production', day '2026-11-22' and id '8aa5d5b6-a9fe-455a-9cd2-cdfa936790ab'.
SELECT event_time, stage, user_name, verb, request_uri, response_code, response_reason, node, source_file, source_line
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND audit_id = '8aa5d5b6-a9fe-455a-9cd2-cdfa936790ab'
ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part;
