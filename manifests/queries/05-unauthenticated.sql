-- Failed authentication
-- Answers: From which addresses come requests with bad credentials?
-- Reads: response_code, and what is shown of the rows that match.
-- Needs: get, list, create of anything without credentials.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT source_ip, user_agent, count(*) AS refused, count(DISTINCT request_uri) AS targets,
  min(event_time) AS first_time, max(event_time) AS last_time
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND response_code = 401
GROUP BY source_ip, user_agent
ORDER BY refused DESC, source_ip NULLS LAST, user_agent NULLS LAST
LIMIT 100;
