-- Changes of admission
-- Answers: Who changed webhooks or admission policies, which see and alter every request?
-- Reads: the rows of four resources.
-- Needs: create, update, patch, delete, deletecollection of mutatingwebhookconfigurations, validatingwebhookconfigurations, validatingadmissionpolicies, validatingadmissionpolicybindings, mutatingadmissionpolicies, mutatingadmissionpolicybindings.
-- Change: cluster 'production' and day '2026-11-22'.
SELECT event_time, user_name, source_ip, verb, object_resource, object_name, response_code, audit_id
FROM audit.audit
WHERE cluster = 'production' AND dt = '2026-11-22'
  AND object_resource IN ('mutatingwebhookconfigurations', 'validatingwebhookconfigurations',
    'validatingadmissionpolicies', 'validatingadmissionpolicybindings', 'mutatingadmissionpolicies', 'mutatingadmissionpolicybindings')
  AND verb IN ('create', 'update', 'patch', 'delete', 'deletecollection')
  AND stage = 'ResponseComplete'
ORDER BY event_time NULLS LAST, node, epoch, seq, source_line, line_part
LIMIT 1000;
