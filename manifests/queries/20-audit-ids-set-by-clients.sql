-- Audit-IDs that clients chose
-- Answers: Which requests carry an Audit-ID that is no UUID, or one that more than one request has? Such an ID proves nothing; source_file and source_line do.
-- Reads: audit_id of a day: the widest of the short columns.
-- Needs: every verb of anything.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT audit_id, count(*) AS events, count(DISTINCT request_uri) AS requests, min(user_name) AS one_user, min(event_time) AS first_time
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
GROUP BY audit_id
HAVING audit_id NOT LIKE '________-____-____-____-____________' OR count(DISTINCT request_uri) > 1
ORDER BY requests DESC, audit_id NULLS LAST
LIMIT 100;
