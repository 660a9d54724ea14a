-- Chains of impersonation
-- Answers: Who acted as whom, and what did they do?
-- Reads: impersonated_user_name, and what is shown of the rows that match.
-- Needs: every verb of anything.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT user_name, impersonated_user_name, impersonated_user_groups, verb, object_resource, response_code,
  count(*) AS requests, min(event_time) AS first_time, max(event_time) AS last_time
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND impersonated_user_name IS NOT NULL
  AND stage = 'ResponseComplete'
GROUP BY user_name, impersonated_user_name, impersonated_user_groups, verb, object_resource, response_code
ORDER BY user_name NULLS LAST, impersonated_user_name NULLS LAST, impersonated_user_groups NULLS LAST, verb NULLS LAST, object_resource NULLS LAST, response_code NULLS LAST
LIMIT 500;
