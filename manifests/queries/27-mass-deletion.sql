-- Deletions in bulk
-- Answers: Which user deleted many objects within a minute?
-- Reads: verb, user_name and times.
-- Needs: delete, deletecollection of anything.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT user_name, date_trunc('minute', event_time) AS at_minute, count(*) AS deletions, count(DISTINCT object_namespace) AS namespaces
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND verb IN ('delete', 'deletecollection')
  AND stage = 'ResponseComplete'
  AND response_code < 300
GROUP BY user_name, date_trunc('minute', event_time)
HAVING count(*) >= 3
ORDER BY deletions DESC, user_name NULLS LAST, at_minute NULLS LAST
LIMIT 100;
