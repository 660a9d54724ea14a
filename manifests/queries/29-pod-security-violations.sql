-- Violations of the pod security standards
-- Answers: Which workloads would the next stricter level refuse?
-- Reads: annotations of a day.
-- Needs: create, update of pods; create, update, patch of deployments, daemonsets, statefulsets, jobs, cronjobs.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT object_namespace, object_resource, object_name, user_name, pod_security_violations, count(*) AS requests
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND pod_security_violations IS NOT NULL
GROUP BY object_namespace, object_resource, object_name, user_name, pod_security_violations
ORDER BY requests DESC, object_namespace NULLS LAST, object_resource NULLS LAST, object_name NULLS LAST, user_name NULLS LAST, pod_security_violations NULLS LAST
LIMIT 100;
