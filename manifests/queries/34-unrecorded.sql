-- Objects without a record
-- Answers: Which files have rows and no record? They are forged, or they were stored moments ago; `auditsidecar verify` says which.
-- Reads: the rollups and the records after them, and epoch, seq and source_file of the days.
-- Change: cluster 'production', first-day '2026-11-22' and last-day '2026-11-24'.
SELECT e.dt, e.node, e.epoch, e.seq, e.source_file, count(*) AS found_rows
FROM audit.audit_events e
LEFT JOIN audit.audit_recorded_files f ON f.cluster = e.cluster AND f.node = e.node AND f.epoch = e.epoch AND f.seq = e.seq
WHERE e.cluster = 'production' AND e.dt >= '2026-11-22' AND e.dt <= '2026-11-24'
  AND f.seq IS NULL
GROUP BY e.dt, e.node, e.epoch, e.seq, e.source_file
ORDER BY e.dt, e.node, e.epoch, e.seq, e.source_file
LIMIT 1000;
