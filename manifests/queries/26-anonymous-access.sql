-- What was allowed to nobody in particular
-- Answers: Which requests without credentials succeeded?
-- Reads: the bloom filter of user_name skips row groups without the user.
-- Needs: every verb of anything by system:anonymous.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT request_uri, verb, source_ip, response_code, count(*) AS requests, min(event_time) AS first_time, max(event_time) AS last_time
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND user_name = 'system:anonymous'
  AND response_code < 400
GROUP BY request_uri, verb, source_ip, response_code
ORDER BY requests DESC, request_uri NULLS LAST, verb NULLS LAST, source_ip NULLS LAST, response_code NULLS LAST
LIMIT 100;
