-- Breaks in the log
-- Answers: What is not in the archive, as far as the sidecar could see, and why?
-- Reads: the rollups and the records after them; no event.
-- Change: cluster 'production'.
SELECT node, reason, missing_from, missing_to, estimated_bytes, source_file, detail, recorded_at
FROM audit.audit_gaps
WHERE cluster = 'production'
ORDER BY recorded_at, node, epoch, seq
LIMIT 1000;
