-- Addresses a user never came from before
-- Answers: Is a credential used from somewhere new?
-- Reads: user_name, source_ip and times of all days that are named.
-- Needs: every verb of anything.
-- Change: cluster 'production', first-day '2026-11-01', last-day '2026-11-22' and moment '2026-11-22 17:00:00'.
SELECT user_name, source_ip, min(event_time) AS first_time, count(*) AS requests
FROM audit.audit
WHERE cluster = 'production' AND dt >= '2026-11-01' AND dt <= '2026-11-22'
  AND source_ip IS NOT NULL
GROUP BY user_name, source_ip
HAVING min(event_time) >= TIMESTAMP '2026-11-22 17:00:00'
ORDER BY first_time NULLS LAST, user_name NULLS LAST, source_ip NULLS LAST
LIMIT 200;
