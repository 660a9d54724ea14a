-- All stages of one request
-- Answers: What became of the request with this ID?
-- Reads: the bloom filter of audit_id skips row groups without it.
-- Change: cluster, day and the ID: put a literal in the place of the subquery.
SELECT event_time, stage, user_name, verb, request_uri, response_code, response_reason, node, source_file, source_line
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND audit_id = (SELECT min(audit_id) FROM audit.audit WHERE cluster = 'production' AND dt = '2026-11-22' AND verb = 'create' AND audit_id LIKE '________-____-____-____-____________')
ORDER BY event_time, node, epoch, seq, source_line, line_part;
