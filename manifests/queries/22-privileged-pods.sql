-- Pods that reach for the node
-- Answers: Who asked for privileged pods, or for the node's network, processes or file system?
-- Reads: request_object of the rows of pods and of what makes pods.
-- Needs: create, update, patch of pods, deployments, daemonsets, statefulsets, replicasets, jobs, cronjobs at Request.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT event_time, user_name, verb, object_resource, object_namespace, object_name, response_code, audit_id,
  CASE WHEN request_object LIKE '%"privileged":true%' THEN 'privileged'
       WHEN request_object LIKE '%"hostNetwork":true%' THEN 'hostNetwork'
       WHEN request_object LIKE '%"hostPID":true%' THEN 'hostPID'
       WHEN request_object LIKE '%"hostIPC":true%' THEN 'hostIPC'
       ELSE 'hostPath' END AS reason
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND object_resource IN ('pods', 'deployments', 'daemonsets', 'statefulsets', 'replicasets', 'jobs', 'cronjobs')
  AND verb IN ('create', 'update', 'patch')
  AND stage = 'ResponseComplete'
  AND (request_object LIKE '%"privileged":true%' OR request_object LIKE '%"hostNetwork":true%'
    OR request_object LIKE '%"hostPID":true%' OR request_object LIKE '%"hostIPC":true%' OR request_object LIKE '%"hostPath":%')
ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part
LIMIT 1000;
