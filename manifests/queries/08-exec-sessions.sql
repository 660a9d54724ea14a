-- Sessions in containers
-- Answers: Who ran exec, attach or port-forward, in which pod, with which command?
-- Reads: the rows of pods, few columns of them.
-- Needs: get, create of pods/exec, pods/attach, pods/portforward; patch of pods/ephemeralcontainers.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT event_time, stage, user_name, source_ip, object_subresource, object_namespace, object_name,
  request_uri, response_code, audit_id
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND object_resource = 'pods'
  AND object_subresource IN ('exec', 'attach', 'portforward', 'ephemeralcontainers')
ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part
LIMIT 1000;
