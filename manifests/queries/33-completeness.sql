-- Is every recorded line there
-- Answers: Does the archive have as many rows as its records say the files had lines, and up to which event does each node reach? Lines after the last of verdict 'open' are not in the archive yet.
-- Reads: the rollups and the records after them, source_file and line_part of the days, and the increments of open files.
-- Change: cluster 'production', first-day '2026-11-01' and last-day '2026-11-22', so that all days of the files are between.
SELECT node, source_file, archived_to, recorded_lines, found_lines, verdict
FROM (
  SELECT f.node, f.epoch, f.seq, f.source_file, f.last_event AS archived_to, f.lines AS recorded_lines, COALESCE(e.found_lines, 0) AS found_lines,
    CASE WHEN f.lines = COALESCE(e.found_lines, 0) THEN 'complete' ELSE 'MISSING' END AS verdict
  FROM audit.audit_files f
  LEFT JOIN (
    SELECT node, epoch, seq, count(*) AS found_lines
    FROM audit.audit_events
    WHERE cluster = 'production' AND dt >= '2026-11-01' AND dt <= '2026-11-22'
      AND line_part = 0
    GROUP BY node, epoch, seq
  ) e ON e.node = f.node AND e.epoch = f.epoch AND e.seq = f.seq
  WHERE f.cluster = 'production'
  UNION ALL
  SELECT node, epoch, seq, source_file, max(event_time), CAST(NULL AS bigint), count(*), 'open'
  FROM audit.audit_open
  WHERE cluster = 'production' AND dt >= '2026-11-01' AND dt <= '2026-11-22'
    AND line_part = 0
  GROUP BY node, epoch, seq, source_file
) r
ORDER BY node, epoch, seq;
