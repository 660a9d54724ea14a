-- Failed authorization
-- Answers: Who tries what is not allowed, and how often?
-- Reads: response_code, and what is shown of the rows that match.
-- Needs: every verb of anything.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT user_name, verb, object_resource, object_subresource, object_namespace,
  count(*) AS refused, min(event_time) AS first_time, max(event_time) AS last_time
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND response_code = 403
  AND stage = 'ResponseComplete'
GROUP BY user_name, verb, object_resource, object_subresource, object_namespace
ORDER BY refused DESC, user_name NULLS LAST, verb NULLS LAST, object_resource NULLS LAST, object_subresource NULLS LAST, object_namespace NULLS LAST
LIMIT 100;
