-- Requests that failed in the server
-- Answers: What did the API server answer with 5xx?
-- Reads: response_code, and what is shown of the rows that match.
-- Needs: every verb of anything.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT verb, object_resource, object_subresource, response_code, response_message, count(*) AS requests, max(event_time) AS last_time
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND response_code >= 500
GROUP BY verb, object_resource, object_subresource, response_code, response_message
ORDER BY requests DESC, verb NULLS LAST, object_resource NULLS LAST, object_subresource NULLS LAST, response_code NULLS LAST, response_message NULLS LAST
LIMIT 100;
