-- Activity by the hour
-- Answers: How busy was the cluster, and when did writes or refusals rise?
-- Reads: verb, response_code and times.
-- Needs: every verb of anything.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT date_trunc('hour', event_time) AS hour, count(*) AS events,
  count(*) FILTER (WHERE verb IN ('create', 'update', 'patch', 'delete', 'deletecollection')) AS writes,
  count(*) FILTER (WHERE response_code IN (401, 403)) AS refused,
  count(*) FILTER (WHERE response_code >= 500) AS failed
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND stage = 'ResponseComplete'
GROUP BY date_trunc('hour', event_time)
ORDER BY hour NULLS LAST;
