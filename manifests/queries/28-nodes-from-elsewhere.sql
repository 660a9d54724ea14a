-- Credentials used from several addresses
-- Answers: Is the certificate of a node, or the token of a pod, used from more than one place?
-- Reads: user_name, credential_id (in user_extra), source_ip.
-- Needs: every verb of anything by service accounts.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT user_name, COALESCE(credential_id, '(none)') AS credential, count(DISTINCT source_ip) AS addresses,
  min(source_ip) AS one_address, max(source_ip) AS another_address, count(*) AS requests
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND (user_name LIKE 'system:node:%' OR user_name LIKE 'system:serviceaccount:%' OR credential_id IS NOT NULL)
GROUP BY user_name, COALESCE(credential_id, '(none)')
HAVING count(DISTINCT source_ip) > 1
ORDER BY addresses DESC, user_name NULLS LAST, credential NULLS LAST
LIMIT 100;
