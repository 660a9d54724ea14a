-- One day of all nodes as one object, for analysts. The archive stays as it is:
-- it is the evidence. Change: cluster, day and the name of the file.
COPY (
  SELECT * FROM audit.audit_events
  WHERE cluster = 'production' AND dt = '2026-11-22'
  ORDER BY object_resource, object_namespace, object_name, stage_timestamp, node, epoch, seq, source_line, line_part
) TO 'audit-production-2026-11-22.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 200000);
