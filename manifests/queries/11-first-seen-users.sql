-- Users seen for the first time
-- Answers: Which users appear after a moment and never before it, back to the first day?
-- Reads: user_name, source_ip and times of all days that are named.
-- Needs: every verb of anything.
-- Change: cluster 'production', first-day '2026-11-01', last-day '2026-11-22' and moment '2026-11-22 17:00:00'.
SELECT user_name, min(event_time) AS first_time, count(*) AS requests, min(source_ip) AS one_source_ip
FROM audit.audit
WHERE cluster = 'production' AND dt >= '2026-11-01' AND dt <= '2026-11-22'
  AND user_name IS NOT NULL
GROUP BY user_name
HAVING min(event_time) >= TIMESTAMP '2026-11-22 17:00:00'
ORDER BY first_time NULLS LAST, user_name NULLS LAST
LIMIT 200;
