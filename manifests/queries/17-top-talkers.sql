-- Top talkers
-- Answers: Which clients make the most requests?
-- Reads: user_name, user_agent, verb.
-- Needs: every verb of anything.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT user_name, user_agent, count(*) AS requests, count(DISTINCT object_resource) AS resources,
  count(*) FILTER (WHERE verb IN ('list', 'watch')) AS lists
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND stage = 'ResponseComplete'
GROUP BY user_name, user_agent
ORDER BY requests DESC, user_name NULLS LAST, user_agent NULLS LAST
LIMIT 25;
