-- One day of all nodes as few large objects, for analysts. The archive stays as
-- it is: it is the evidence. The catalog needs
-- hive.non-managed-table-writes-enabled=true. Change: cluster and day, catalog
-- and location.
CREATE TABLE hive.audit.audit_compact_20261122
WITH (external_location = 's3://audit-results/compact/cluster=production/dt=2026-11-22/', format = 'PARQUET')
AS SELECT * FROM hive.audit.audit_events
WHERE cluster = 'production' AND dt = '2026-11-22'
ORDER BY object_resource, object_namespace, object_name, stage_timestamp, node, epoch, seq, source_line, line_part;
