-- The audit archive s3://audit-archive/audit-logs in DuckDB (1.2 or newer).
-- DuckDB needs its extension httpfs and a secret first:
--   INSTALL httpfs; LOAD httpfs; CREATE SECRET (TYPE s3, PROVIDER credential_chain);

CREATE SCHEMA IF NOT EXISTS audit;

-- All rows. Ask with cluster = and dt >=, and only those directories are read.
-- Objects of older versions lack the newer columns: with their names and types
-- given, these are null, and DuckDB need not open every object beforehand to see
-- which columns there are. Partitions are then parts of the file's name, cluster=C/dt=D/NAME.
CREATE OR REPLACE VIEW audit.audit_events AS
SELECT * EXCLUDE (filename),
  substr(split_part(filename, '/', -3), 9) AS cluster,
  substr(split_part(filename, '/', -2), 4) AS dt
FROM read_parquet(
  's3://audit-archive/audit-logs/data/cluster=*/dt=*/*.parquet',
  hive_partitioning = false, filename = true,
  schema = MAP {
    'level': {name: 'level', type: 'VARCHAR', default_value: NULL},
    'stage': {name: 'stage', type: 'VARCHAR', default_value: NULL},
    'verb': {name: 'verb', type: 'VARCHAR', default_value: NULL},
    'audit_id': {name: 'audit_id', type: 'VARCHAR', default_value: NULL},
    'request_uri': {name: 'request_uri', type: 'VARCHAR', default_value: NULL},
    'user_agent': {name: 'user_agent', type: 'VARCHAR', default_value: NULL},
    'user_name': {name: 'user_name', type: 'VARCHAR', default_value: NULL},
    'user_uid': {name: 'user_uid', type: 'VARCHAR', default_value: NULL},
    'user_groups': {name: 'user_groups', type: 'VARCHAR[]', default_value: NULL},
    'user_extra': {name: 'user_extra', type: 'MAP(VARCHAR, VARCHAR[])', default_value: NULL},
    'impersonated_user_name': {name: 'impersonated_user_name', type: 'VARCHAR', default_value: NULL},
    'impersonated_user_uid': {name: 'impersonated_user_uid', type: 'VARCHAR', default_value: NULL},
    'impersonated_user_groups': {name: 'impersonated_user_groups', type: 'VARCHAR[]', default_value: NULL},
    'impersonated_user_extra': {name: 'impersonated_user_extra', type: 'MAP(VARCHAR, VARCHAR[])', default_value: NULL},
    'impersonation_constraint': {name: 'impersonation_constraint', type: 'VARCHAR', default_value: NULL},
    'source_ips': {name: 'source_ips', type: 'VARCHAR[]', default_value: NULL},
    'object_resource': {name: 'object_resource', type: 'VARCHAR', default_value: NULL},
    'object_namespace': {name: 'object_namespace', type: 'VARCHAR', default_value: NULL},
    'object_name': {name: 'object_name', type: 'VARCHAR', default_value: NULL},
    'object_uid': {name: 'object_uid', type: 'VARCHAR', default_value: NULL},
    'object_api_group': {name: 'object_api_group', type: 'VARCHAR', default_value: NULL},
    'object_api_version': {name: 'object_api_version', type: 'VARCHAR', default_value: NULL},
    'object_resource_version': {name: 'object_resource_version', type: 'VARCHAR', default_value: NULL},
    'object_subresource': {name: 'object_subresource', type: 'VARCHAR', default_value: NULL},
    'response_code': {name: 'response_code', type: 'INTEGER', default_value: NULL},
    'response_status': {name: 'response_status', type: 'VARCHAR', default_value: NULL},
    'response_reason': {name: 'response_reason', type: 'VARCHAR', default_value: NULL},
    'response_message': {name: 'response_message', type: 'VARCHAR', default_value: NULL},
    'response_details': {name: 'response_details', type: 'VARCHAR', default_value: NULL},
    'request_object': {name: 'request_object', type: 'VARCHAR', default_value: NULL},
    'response_object': {name: 'response_object', type: 'VARCHAR', default_value: NULL},
    'request_received_timestamp': {name: 'request_received_timestamp', type: 'TIMESTAMP WITH TIME ZONE', default_value: NULL},
    'stage_timestamp': {name: 'stage_timestamp', type: 'TIMESTAMP WITH TIME ZONE', default_value: NULL},
    'annotations': {name: 'annotations', type: 'MAP(VARCHAR, VARCHAR)', default_value: NULL},
    'raw': {name: 'raw', type: 'BLOB', default_value: NULL},
    'decode_status': {name: 'decode_status', type: 'VARCHAR', default_value: NULL},
    'node': {name: 'node', type: 'VARCHAR', default_value: NULL},
    'epoch': {name: 'epoch', type: 'VARCHAR', default_value: NULL},
    'source_file': {name: 'source_file', type: 'VARCHAR', default_value: NULL},
    'seq': {name: 'seq', type: 'BIGINT', default_value: NULL},
    'source_line': {name: 'source_line', type: 'BIGINT', default_value: NULL},
    'line_part': {name: 'line_part', type: 'INTEGER', default_value: NULL},
    'unknown_fields': {name: 'unknown_fields', type: 'VARCHAR', default_value: NULL}
  });

-- One row an event.
CREATE OR REPLACE VIEW audit.audit AS
SELECT
  cluster,
  dt,
  node,
  make_timestamp(epoch_us(stage_timestamp)) AS event_time,
  make_timestamp(epoch_us(request_received_timestamp)) AS received_time,
  level,
  stage,
  verb,
  audit_id,
  request_uri,
  user_agent,
  user_name,
  user_uid,
  array_to_string(user_groups, ', ') AS user_groups,
  user_extra['authentication.kubernetes.io/credential-id'][1] AS credential_id,
  user_extra['authentication.kubernetes.io/pod-name'][1] AS pod_name,
  user_extra['authentication.kubernetes.io/node-name'][1] AS pod_node_name,
  impersonated_user_name,
  impersonated_user_uid,
  array_to_string(impersonated_user_groups, ', ') AS impersonated_user_groups,
  source_ips[1] AS source_ip,
  array_to_string(source_ips, ', ') AS source_ips,
  object_resource,
  object_namespace,
  object_name,
  object_uid,
  object_api_group,
  object_api_version,
  object_resource_version,
  object_subresource,
  response_code,
  response_status,
  response_reason,
  response_message,
  request_object,
  response_object,
  annotations['authorization.k8s.io/decision'] AS authorization_decision,
  annotations['authorization.k8s.io/reason'] AS authorization_reason,
  annotations['pod-security.kubernetes.io/audit-violations'] AS pod_security_violations,
  unknown_fields,
  decode_status,
  epoch,
  seq,
  source_file,
  source_line,
  line_part
FROM audit.audit_events
WHERE decode_status <> 'undecodable';

-- One row a record of the chain: what was archived, and what could not be.
CREATE OR REPLACE VIEW audit.audit_records AS
SELECT * FROM read_json(
  's3://audit-archive/audit-logs/manifests/cluster=*/node=*/*.json',
  format = 'newline_delimited', hive_partitioning = false,
  columns = {
    "version": 'BIGINT',
    "kind": 'VARCHAR',
    "cluster": 'VARCHAR',
    "node": 'VARCHAR',
    "machineID": 'VARCHAR',
    "epoch": 'VARCHAR',
    "seq": 'BIGINT',
    "number": 'BIGINT',
    "time": 'VARCHAR',
    "clockStepped": 'BOOLEAN',
    "begins": 'STRUCT("reason" VARCHAR, "detail" VARCHAR)',
    "source": 'STRUCT("name" VARCHAR, "inode" UBIGINT, "size" BIGINT, "lines" BIGINT, "sha256" VARCHAR, "merkleRoot" VARCHAR, "hmac" VARCHAR, "finalNewline" BOOLEAN, "first" VARCHAR, "last" VARCHAR, "rotated" VARCHAR)',
    "content": 'STRUCT("size" BIGINT, "lines" BIGINT, "sha256" VARCHAR, "merkleRoot" VARCHAR)',
    "redaction": 'VARCHAR',
    "counts": 'STRUCT("levels" MAP(VARCHAR, BIGINT), "stages" MAP(VARCHAR, BIGINT))',
    "objects": 'STRUCT("key" VARCHAR, "size" BIGINT, "sha256" VARCHAR, "rows" BIGINT)[]',
    "gaps": 'STRUCT("from" VARCHAR, "to" VARCHAR, "reason" VARCHAR, "bytes" BIGINT, "file" VARCHAR, "detail" VARCHAR)[]',
    "heartbeat": 'STRUCT("every" BIGINT, "waiting" BIGINT, "open" STRUCT("name" VARCHAR, "seq" BIGINT, "inode" UBIGINT, "size" BIGINT, "lines" BIGINT, "sha256" VARCHAR, "hmac" VARCHAR), "server" STRUCT("started" VARCHAR, "eventsBefore" BIGINT, "eventsAfter" BIGINT, "errors" BIGINT), "input" STRUCT("state" VARCHAR, "since" VARCHAR, "events" BIGINT))',
    "key": 'STRUCT("vkey" VARCHAR, "handover" STRUCT("from" VARCHAR, "signature" VARCHAR))',
    "setup": 'STRUCT("sidecar" VARCHAR, "server" VARCHAR, "flags" MAP(VARCHAR, VARCHAR), "policy" STRUCT("sha256" VARCHAR, "text" VARCHAR), "redaction" STRUCT("sha256" VARCHAR, "text" VARCHAR))',
    "checkpoint": 'VARCHAR'
  });

-- Run the SET statements at the beginning of each session, and again to see what was
-- recorded since. Without them the views read all records, and without a rollup, as in the
-- first two days of an archive, they fail.
-- (DuckDB refuses a pattern without a file: of data, no row has a version.)
SET VARIABLE audit_rollups = (
  SELECT [CASE WHEN count(*) > 0 THEN 's3://audit-archive/audit-logs/rollups/parquet/cluster=*/node=*/*.parquet'
    ELSE 's3://audit-archive/audit-logs/data/cluster=*/dt=*/*.parquet' END]
  FROM glob('s3://audit-archive/audit-logs/rollups/parquet/cluster=*/node=*/*.parquet'));

-- One row a day of a node: the sum of its records. Made after the day; see docs/spec/rollup.md.
CREATE OR REPLACE VIEW audit.audit_rollups AS
SELECT cluster_name AS cluster, node_name AS node, * EXCLUDE (cluster_name, node_name)
FROM read_parquet(
  COALESCE(getvariable('audit_rollups'), ['s3://audit-archive/audit-logs/rollups/parquet/cluster=*/node=*/*.parquet']),
  hive_partitioning = false,
  schema = MAP {
    'cluster_name': {name: 'cluster_name', type: 'VARCHAR', default_value: NULL},
    'node_name': {name: 'node_name', type: 'VARCHAR', default_value: NULL},
    'version': {name: 'version', type: 'BIGINT', default_value: NULL},
    'tree': {name: 'tree', type: 'BIGINT', default_value: NULL},
    'day': {name: 'day', type: 'VARCHAR', default_value: NULL},
    'from_number': {name: 'from_number', type: 'BIGINT', default_value: NULL},
    'to_number': {name: 'to_number', type: 'BIGINT', default_value: NULL},
    'began': {name: 'began', type: 'TIMESTAMP WITH TIME ZONE', default_value: NULL},
    'ended': {name: 'ended', type: 'TIMESTAMP WITH TIME ZONE', default_value: NULL},
    'files': {name: 'files', type: 'BIGINT', default_value: NULL},
    'bytes': {name: 'bytes', type: 'BIGINT', default_value: NULL},
    'lines': {name: 'lines', type: 'BIGINT', default_value: NULL},
    'objects': {name: 'objects', type: 'BIGINT', default_value: NULL},
    'first': {name: 'first', type: 'TIMESTAMP WITH TIME ZONE', default_value: NULL},
    'last': {name: 'last', type: 'TIMESTAMP WITH TIME ZONE', default_value: NULL},
    'levels': {name: 'levels', type: 'STRUCT("name" VARCHAR, "lines" BIGINT)[]', default_value: NULL},
    'stages': {name: 'stages', type: 'STRUCT("name" VARCHAR, "lines" BIGINT)[]', default_value: NULL},
    'gaps': {name: 'gaps', type: 'STRUCT("number" BIGINT, "epoch" VARCHAR, "seq" BIGINT, "recorded" TIMESTAMP WITH TIME ZONE, "from_time" TIMESTAMP WITH TIME ZONE, "to_time" TIMESTAMP WITH TIME ZONE, "reason" VARCHAR, "bytes" BIGINT, "file" VARCHAR, "detail" VARCHAR)[]', default_value: NULL},
    'recorded': {name: 'recorded', type: 'STRUCT("number" BIGINT, "epoch" VARCHAR, "seq" BIGINT, "recorded" TIMESTAMP WITH TIME ZONE, "name" VARCHAR, "bytes" BIGINT, "lines" BIGINT, "sha256" VARCHAR, "first" TIMESTAMP WITH TIME ZONE, "last" TIMESTAMP WITH TIME ZONE, "rotated" TIMESTAMP WITH TIME ZONE, "objects" BIGINT)[]', default_value: NULL},
    'start': {name: 'start', type: 'BLOB[]', default_value: NULL},
    'leaves': {name: 'leaves', type: 'BLOB[]', default_value: NULL},
    'head': {name: 'head', type: 'VARCHAR', default_value: NULL}
  })
WHERE version IS NOT NULL;

-- How far the rollups of each tree of records reach; 0 if one of them is missing.
CREATE OR REPLACE VIEW audit.audit_rolled_up AS
SELECT cluster, node, tree, CASE WHEN sum(to_number - from_number + 1) >= max(to_number) THEN max(to_number) ELSE 0 END AS last_number
FROM (SELECT DISTINCT cluster, node, tree, from_number, to_number FROM audit.audit_rollups) AS ranges
GROUP BY cluster, node, tree;

-- With the last one that is in a rollup, so that the list is not empty.
SET VARIABLE audit_new_records = (
  SELECT list(r.file)
  FROM (
    SELECT file, substr(split_part(file, '/', -3), 9) AS cluster, substr(split_part(file, '/', -2), 6) AS node,
      TRY_CAST(split_part(split_part(file, '/', -1), '-', 1) AS bigint) AS tree,
      TRY_CAST(split_part(split_part(file, '/', -1), '-', 2) AS bigint) AS number
    FROM glob('s3://audit-archive/audit-logs/manifests/cluster=*/node=*/*.json')) r
  LEFT JOIN audit.audit_rolled_up t ON t.cluster = r.cluster AND t.node = r.node AND t.tree = r.tree
  WHERE t.last_number IS NULL OR r.number IS NULL OR r.number >= t.last_number);

-- The records that no rollup sums up: those of the last one or two days.
CREATE OR REPLACE VIEW audit.audit_new_records AS
SELECT r.* FROM read_json(
  COALESCE(getvariable('audit_new_records'), ['s3://audit-archive/audit-logs/manifests/cluster=*/node=*/*.json']),
  format = 'newline_delimited', hive_partitioning = false,
  columns = {
    "version": 'BIGINT',
    "kind": 'VARCHAR',
    "cluster": 'VARCHAR',
    "node": 'VARCHAR',
    "machineID": 'VARCHAR',
    "epoch": 'VARCHAR',
    "seq": 'BIGINT',
    "number": 'BIGINT',
    "time": 'VARCHAR',
    "clockStepped": 'BOOLEAN',
    "begins": 'STRUCT("reason" VARCHAR, "detail" VARCHAR)',
    "source": 'STRUCT("name" VARCHAR, "inode" UBIGINT, "size" BIGINT, "lines" BIGINT, "sha256" VARCHAR, "merkleRoot" VARCHAR, "hmac" VARCHAR, "finalNewline" BOOLEAN, "first" VARCHAR, "last" VARCHAR, "rotated" VARCHAR)',
    "content": 'STRUCT("size" BIGINT, "lines" BIGINT, "sha256" VARCHAR, "merkleRoot" VARCHAR)',
    "redaction": 'VARCHAR',
    "counts": 'STRUCT("levels" MAP(VARCHAR, BIGINT), "stages" MAP(VARCHAR, BIGINT))',
    "objects": 'STRUCT("key" VARCHAR, "size" BIGINT, "sha256" VARCHAR, "rows" BIGINT)[]',
    "gaps": 'STRUCT("from" VARCHAR, "to" VARCHAR, "reason" VARCHAR, "bytes" BIGINT, "file" VARCHAR, "detail" VARCHAR)[]',
    "heartbeat": 'STRUCT("every" BIGINT, "waiting" BIGINT, "open" STRUCT("name" VARCHAR, "seq" BIGINT, "inode" UBIGINT, "size" BIGINT, "lines" BIGINT, "sha256" VARCHAR, "hmac" VARCHAR), "server" STRUCT("started" VARCHAR, "eventsBefore" BIGINT, "eventsAfter" BIGINT, "errors" BIGINT), "input" STRUCT("state" VARCHAR, "since" VARCHAR, "events" BIGINT))',
    "key": 'STRUCT("vkey" VARCHAR, "handover" STRUCT("from" VARCHAR, "signature" VARCHAR))',
    "setup": 'STRUCT("sidecar" VARCHAR, "server" VARCHAR, "flags" MAP(VARCHAR, VARCHAR), "policy" STRUCT("sha256" VARCHAR, "text" VARCHAR), "redaction" STRUCT("sha256" VARCHAR, "text" VARCHAR))',
    "checkpoint": 'VARCHAR'
  }) r
LEFT JOIN audit.audit_rolled_up t
  ON t.cluster = r.cluster AND t.node = r.node AND t.tree = COALESCE(TRY_CAST(split_part(split_part(r.checkpoint, chr(10), 1), '/', 4) AS bigint), 1)
WHERE t.last_number IS NULL OR r.number > t.last_number;

-- One row a file that a rollup names.
CREATE OR REPLACE VIEW audit.audit_rolled_files AS
SELECT DISTINCT
  cluster, node, f.epoch AS epoch, f.seq AS seq, make_timestamp(epoch_us(f.recorded)) AS recorded_at,
  f.name AS source_file, f.bytes AS bytes, f.lines AS lines, NULLIF(f.sha256, '') AS sha256,
  make_timestamp(epoch_us(f."first")) AS first_event, make_timestamp(epoch_us(f."last")) AS last_event, make_timestamp(epoch_us(f.rotated)) AS rotated_at,
  f.objects AS objects
FROM (SELECT cluster, node, unnest(recorded) AS f FROM audit.audit_rollups);

-- One row an archived file, from the rollups and the records after them.
CREATE OR REPLACE VIEW audit.audit_files AS
SELECT * FROM audit.audit_rolled_files
UNION
SELECT
  cluster, node,
  COALESCE(NULLIF(regexp_extract(objects[1].key, '-([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,})([.]r[0-9]+)?[.]parquet$', 1), ''), epoch),
  COALESCE(TRY_CAST(regexp_extract(objects[1].key, '-([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,})([.]r[0-9]+)?[.]parquet$', 2) AS bigint), seq),
  CAST(replace(substr("time", 1, 26), 'T', ' ') AS TIMESTAMP),
  source.name, source.size, source.lines, source.sha256,
  CAST(replace(substr(source."first", 1, 26), 'T', ' ') AS TIMESTAMP), CAST(replace(substr(source."last", 1, 26), 'T', ' ') AS TIMESTAMP), CAST(replace(substr(source.rotated, 1, 26), 'T', ' ') AS TIMESTAMP),
  COALESCE(len(objects), 0)
FROM audit.audit_new_records
WHERE kind = 'file';

-- One row a break in the log, from the same.
CREATE OR REPLACE VIEW audit.audit_gaps AS
SELECT
  cluster, node, gap.epoch AS epoch, gap.seq AS seq, make_timestamp(epoch_us(gap.recorded)) AS recorded_at,
  gap.reason AS reason, make_timestamp(epoch_us(gap.from_time)) AS missing_from, make_timestamp(epoch_us(gap.to_time)) AS missing_to,
  gap.bytes AS estimated_bytes, NULLIF(gap.file, '') AS source_file, NULLIF(gap.detail, '') AS detail
FROM (SELECT cluster, node, unnest(gaps) AS gap FROM audit.audit_rollups)
UNION
SELECT
  cluster, node, epoch, seq, CAST(replace(substr("time", 1, 26), 'T', ' ') AS TIMESTAMP),
  gap.reason, CAST(replace(substr(gap."from", 1, 26), 'T', ' ') AS TIMESTAMP), CAST(replace(substr(gap."to", 1, 26), 'T', ' ') AS TIMESTAMP),
  gap.bytes, gap.file, gap.detail
FROM (SELECT *, unnest(gaps) AS gap FROM audit.audit_new_records);

-- The files that records name, by the numbers of their objects.
CREATE OR REPLACE VIEW audit.audit_recorded_files AS
SELECT DISTINCT cluster, node, epoch, seq FROM audit.audit_files;

-- The events of files that have a record: without forged objects, and without the
-- files that are stored and not recorded yet.
CREATE OR REPLACE VIEW audit.audit_recorded AS
SELECT a.*
FROM audit.audit a
WHERE EXISTS (
  SELECT 1 FROM audit.audit_recorded_files f
  WHERE f.cluster = a.cluster AND f.node = a.node AND f.epoch = a.epoch AND f.seq = a.seq);

-- The same of files that rollups name: no record is read, and files that were recorded
-- after the last rollup of their node are left out.
CREATE OR REPLACE VIEW audit.audit_recorded_closed AS
SELECT a.*
FROM audit.audit a
WHERE EXISTS (
  SELECT 1 FROM audit.audit_rolled_files f
  WHERE f.cluster = a.cluster AND f.node = a.node AND f.epoch = a.epoch AND f.seq = a.seq);

-- Where open/ has no object, no row of data is taken for one.
SET VARIABLE audit_open = (
  SELECT [CASE WHEN count(*) > 0 THEN 's3://audit-archive/audit-logs/open/cluster=*/dt=*/*.parquet'
    ELSE 's3://audit-archive/audit-logs/data/cluster=*/dt=*/*.parquet' END]
  FROM glob('s3://audit-archive/audit-logs/open/cluster=*/dt=*/*.parquet'));

-- The rows of open/: the lines of files that are still written, and for some days after.
CREATE OR REPLACE VIEW audit.audit_open_events AS
SELECT * EXCLUDE (filename),
  substr(split_part(filename, '/', -3), 9) AS cluster,
  substr(split_part(filename, '/', -2), 4) AS dt
FROM read_parquet(
  COALESCE(getvariable('audit_open'), ['s3://audit-archive/audit-logs/open/cluster=*/dt=*/*.parquet']),
  hive_partitioning = false, filename = true,
  schema = MAP {
    'level': {name: 'level', type: 'VARCHAR', default_value: NULL},
    'stage': {name: 'stage', type: 'VARCHAR', default_value: NULL},
    'verb': {name: 'verb', type: 'VARCHAR', default_value: NULL},
    'audit_id': {name: 'audit_id', type: 'VARCHAR', default_value: NULL},
    'request_uri': {name: 'request_uri', type: 'VARCHAR', default_value: NULL},
    'user_agent': {name: 'user_agent', type: 'VARCHAR', default_value: NULL},
    'user_name': {name: 'user_name', type: 'VARCHAR', default_value: NULL},
    'user_uid': {name: 'user_uid', type: 'VARCHAR', default_value: NULL},
    'user_groups': {name: 'user_groups', type: 'VARCHAR[]', default_value: NULL},
    'user_extra': {name: 'user_extra', type: 'MAP(VARCHAR, VARCHAR[])', default_value: NULL},
    'impersonated_user_name': {name: 'impersonated_user_name', type: 'VARCHAR', default_value: NULL},
    'impersonated_user_uid': {name: 'impersonated_user_uid', type: 'VARCHAR', default_value: NULL},
    'impersonated_user_groups': {name: 'impersonated_user_groups', type: 'VARCHAR[]', default_value: NULL},
    'impersonated_user_extra': {name: 'impersonated_user_extra', type: 'MAP(VARCHAR, VARCHAR[])', default_value: NULL},
    'impersonation_constraint': {name: 'impersonation_constraint', type: 'VARCHAR', default_value: NULL},
    'source_ips': {name: 'source_ips', type: 'VARCHAR[]', default_value: NULL},
    'object_resource': {name: 'object_resource', type: 'VARCHAR', default_value: NULL},
    'object_namespace': {name: 'object_namespace', type: 'VARCHAR', default_value: NULL},
    'object_name': {name: 'object_name', type: 'VARCHAR', default_value: NULL},
    'object_uid': {name: 'object_uid', type: 'VARCHAR', default_value: NULL},
    'object_api_group': {name: 'object_api_group', type: 'VARCHAR', default_value: NULL},
    'object_api_version': {name: 'object_api_version', type: 'VARCHAR', default_value: NULL},
    'object_resource_version': {name: 'object_resource_version', type: 'VARCHAR', default_value: NULL},
    'object_subresource': {name: 'object_subresource', type: 'VARCHAR', default_value: NULL},
    'response_code': {name: 'response_code', type: 'INTEGER', default_value: NULL},
    'response_status': {name: 'response_status', type: 'VARCHAR', default_value: NULL},
    'response_reason': {name: 'response_reason', type: 'VARCHAR', default_value: NULL},
    'response_message': {name: 'response_message', type: 'VARCHAR', default_value: NULL},
    'response_details': {name: 'response_details', type: 'VARCHAR', default_value: NULL},
    'request_object': {name: 'request_object', type: 'VARCHAR', default_value: NULL},
    'response_object': {name: 'response_object', type: 'VARCHAR', default_value: NULL},
    'request_received_timestamp': {name: 'request_received_timestamp', type: 'TIMESTAMP WITH TIME ZONE', default_value: NULL},
    'stage_timestamp': {name: 'stage_timestamp', type: 'TIMESTAMP WITH TIME ZONE', default_value: NULL},
    'annotations': {name: 'annotations', type: 'MAP(VARCHAR, VARCHAR)', default_value: NULL},
    'raw': {name: 'raw', type: 'BLOB', default_value: NULL},
    'decode_status': {name: 'decode_status', type: 'VARCHAR', default_value: NULL},
    'node': {name: 'node', type: 'VARCHAR', default_value: NULL},
    'epoch': {name: 'epoch', type: 'VARCHAR', default_value: NULL},
    'source_file': {name: 'source_file', type: 'VARCHAR', default_value: NULL},
    'seq': {name: 'seq', type: 'BIGINT', default_value: NULL},
    'source_line': {name: 'source_line', type: 'BIGINT', default_value: NULL},
    'line_part': {name: 'line_part', type: 'INTEGER', default_value: NULL},
    'unknown_fields': {name: 'unknown_fields', type: 'VARCHAR', default_value: NULL}
  })
WHERE split_part(filename, '/', -4) = 'open';

-- Events that no recorded file has yet, once each: of the open file, up to the last increment.
CREATE OR REPLACE VIEW audit.audit_open AS
SELECT
  cluster,
  dt,
  node,
  make_timestamp(epoch_us(stage_timestamp)) AS event_time,
  make_timestamp(epoch_us(request_received_timestamp)) AS received_time,
  level,
  stage,
  verb,
  audit_id,
  request_uri,
  user_agent,
  user_name,
  user_uid,
  array_to_string(user_groups, ', ') AS user_groups,
  user_extra['authentication.kubernetes.io/credential-id'][1] AS credential_id,
  user_extra['authentication.kubernetes.io/pod-name'][1] AS pod_name,
  user_extra['authentication.kubernetes.io/node-name'][1] AS pod_node_name,
  impersonated_user_name,
  impersonated_user_uid,
  array_to_string(impersonated_user_groups, ', ') AS impersonated_user_groups,
  source_ips[1] AS source_ip,
  array_to_string(source_ips, ', ') AS source_ips,
  object_resource,
  object_namespace,
  object_name,
  object_uid,
  object_api_group,
  object_api_version,
  object_resource_version,
  object_subresource,
  response_code,
  response_status,
  response_reason,
  response_message,
  request_object,
  response_object,
  annotations['authorization.k8s.io/decision'] AS authorization_decision,
  annotations['authorization.k8s.io/reason'] AS authorization_reason,
  annotations['pod-security.kubernetes.io/audit-violations'] AS pod_security_violations,
  unknown_fields,
  decode_status,
  epoch,
  seq,
  source_file,
  source_line,
  line_part
FROM (
  SELECT o.*, row_number() OVER (PARTITION BY cluster, dt, node, epoch, seq, source_line, line_part ORDER BY source_file) AS copy
  FROM audit.audit_open_events o
  WHERE NOT EXISTS (
    SELECT 1 FROM audit.audit_recorded_files f
    WHERE f.cluster = o.cluster AND f.node = o.node AND f.epoch = o.epoch AND f.seq = o.seq)
) AS o
WHERE copy = 1 AND decode_status <> 'undecodable';

-- All events, once each: of recorded files, and of those that are still written.
CREATE OR REPLACE VIEW audit.audit_all AS
SELECT * FROM audit.audit_recorded
UNION ALL
SELECT * FROM audit.audit_open;
-- One row an event as API Activity (6003) of OCSF 1.3.0, beside cluster and dt.
CREATE OR REPLACE VIEW audit.audit_ocsf AS
SELECT
  cluster,
  dt,
  CASE WHEN verb = 'create' THEN 1 WHEN verb IN ('get', 'list', 'watch') THEN 2 WHEN verb IN ('update', 'patch') THEN 3
    WHEN verb IN ('delete', 'deletecollection') THEN 4 ELSE 99 END AS activity_id,
  CASE WHEN verb = 'create' THEN 'Create' WHEN verb IN ('get', 'list', 'watch') THEN 'Read' WHEN verb IN ('update', 'patch') THEN 'Update'
    WHEN verb IN ('delete', 'deletecollection') THEN 'Delete' ELSE COALESCE(verb, 'Other') END AS activity_name,
  6 AS category_uid,
  'Application Activity' AS category_name,
  6003 AS class_uid,
  'API Activity' AS class_name,
  CASE WHEN verb = 'create' THEN 600301 WHEN verb IN ('get', 'list', 'watch') THEN 600302 WHEN verb IN ('update', 'patch') THEN 600303
    WHEN verb IN ('delete', 'deletecollection') THEN 600304 ELSE 600399 END AS type_uid,
  1 AS severity_id,
  'Informational' AS severity,
  COALESCE(CAST(epoch_ms(stage_timestamp) AS BIGINT), 0) AS "time",
  CAST(epoch_ms(request_received_timestamp) AS BIGINT) AS start_time,
  CASE WHEN response_code IS NULL THEN 0 WHEN response_code < 400 THEN 1 ELSE 2 END AS status_id,
  CASE WHEN response_code IS NULL THEN 'Unknown' WHEN response_code < 400 THEN 'Success' ELSE 'Failure' END AS status,
  CAST(response_code AS VARCHAR) AS status_code,
  response_reason AS status_detail,
  response_message AS message,
  struct_pack("version" := '1.3.0', "log_name" := 'audit', "log_provider" := 'auditsidecar', "uid" := concat(node, '/', epoch, '/', CAST(seq AS VARCHAR), '/', CAST(source_line AS VARCHAR), '/', CAST(line_part AS VARCHAR)), "product" := struct_pack("name" := 'kube-apiserver', "vendor_name" := 'Kubernetes')) AS metadata,
  struct_pack("user" := struct_pack("name" := COALESCE(user_name, 'unknown'), "uid" := user_uid, "groups" := list_transform(user_groups, lambda g: struct_pack("name" := g))), "authorizations" := CASE WHEN annotations['authorization.k8s.io/decision'] IS NOT NULL THEN [struct_pack("decision" := annotations['authorization.k8s.io/decision'], "policy" := CASE WHEN annotations['authorization.k8s.io/reason'] <> '' THEN struct_pack("name" := annotations['authorization.k8s.io/reason']) END)] END) AS actor,
  struct_pack("operation" := COALESCE(verb, 'unknown'), "version" := object_api_version, "group" := struct_pack("name" := COALESCE(object_api_group, '')), "service" := struct_pack("name" := 'kubernetes'), "request" := struct_pack("uid" := COALESCE(audit_id, '')), "response" := struct_pack("code" := CAST(response_code AS BIGINT), "error" := response_reason, "message" := response_message)) AS api,
  struct_pack("user_agent" := user_agent, "url" := struct_pack("path" := COALESCE(request_uri, ''))) AS http_request,
  struct_pack("ip" := source_ips[1], "name" := CASE WHEN source_ips[1] IS NULL THEN 'unknown' END) AS src_endpoint,
  CASE WHEN object_resource IS NOT NULL THEN [struct_pack("name" := COALESCE(object_name, '*'), "uid" := object_uid, "namespace" := object_namespace, "type" := object_resource, "version" := object_resource_version)] END AS resources,
  struct_pack("level" := level, "stage" := stage, "subresource" := object_subresource, "impersonated_user" := impersonated_user_name, "unknown_fields" := unknown_fields) AS unmapped
FROM audit.audit_events
WHERE decode_status <> 'undecodable';
