-- Heatmap of namespaces
-- Answers: Which namespaces are active in which hour?
-- Reads: object_namespace and times.
-- Needs: every verb of anything.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT object_namespace, date_trunc('hour', event_time) AS hour, count(*) AS events,
  count(*) FILTER (WHERE verb IN ('create', 'update', 'patch', 'delete', 'deletecollection')) AS writes
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND object_namespace IS NOT NULL
GROUP BY object_namespace, date_trunc('hour', event_time)
ORDER BY object_namespace NULLS LAST, hour NULLS LAST;
