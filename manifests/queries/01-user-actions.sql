-- All actions of one user
-- Answers: What did this user do, when, from where, and did it succeed?
-- Reads: one day of one cluster; the bloom filter of user_name skips row groups without the user.
-- Needs: every verb of anything.
-- Change: cluster 'production', day '2026-11-22' and user 'dev-1'.
SELECT event_time, verb, object_resource, object_subresource, object_namespace, object_name,
  response_code, source_ip, user_agent, audit_id
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND user_name = 'dev-1'
  AND stage = 'ResponseComplete'
ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part
LIMIT 1000;
