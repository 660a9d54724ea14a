-- Requests by user and verb
-- Answers: Who does what, in numbers?
-- Reads: two columns with dictionaries.
-- Needs: every verb of anything.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT user_name, verb, count(*) AS requests
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
GROUP BY user_name, verb
ORDER BY requests DESC, user_name NULLS LAST, verb NULLS LAST
LIMIT 100;
