-- Who read secrets
-- Answers: Which users read which secrets, and which listed all of a namespace or of the cluster?
-- Reads: the rows of one resource: they stand together in each object.
-- Needs: get, list, watch of secrets.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT user_name, source_ip, verb,
  COALESCE(object_namespace, '(all namespaces)') AS namespace,
  COALESCE(object_name, '(all names)') AS secret,
  count(*) AS requests, min(event_time) AS first_time, max(event_time) AS last_time
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND object_resource = 'secrets'
  AND verb IN ('get', 'list', 'watch')
  AND stage = 'ResponseComplete'
  AND response_code < 300
GROUP BY user_name, source_ip, verb, COALESCE(object_namespace, '(all namespaces)'), COALESCE(object_name, '(all names)')
ORDER BY requests DESC, user_name NULLS LAST, source_ip NULLS LAST, verb NULLS LAST, namespace NULLS LAST, secret NULLS LAST
LIMIT 200;
