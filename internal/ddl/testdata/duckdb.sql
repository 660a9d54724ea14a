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
    "heartbeat": 'STRUCT("every" BIGINT, "waiting" BIGINT, "open" STRUCT("name" VARCHAR, "seq" BIGINT, "inode" UBIGINT, "size" BIGINT, "lines" BIGINT, "sha256" VARCHAR, "hmac" VARCHAR), "server" STRUCT("started" VARCHAR, "eventsBefore" BIGINT, "eventsAfter" BIGINT, "errors" BIGINT))',
    "key": 'STRUCT("vkey" VARCHAR, "handover" STRUCT("from" VARCHAR, "signature" VARCHAR))',
    "setup": 'STRUCT("sidecar" VARCHAR, "server" VARCHAR, "flags" MAP(VARCHAR, VARCHAR), "policy" STRUCT("sha256" VARCHAR, "text" VARCHAR), "redaction" STRUCT("sha256" VARCHAR, "text" VARCHAR))',
    "checkpoint": 'VARCHAR'
  });

CREATE OR REPLACE VIEW audit.audit_files AS
SELECT
  cluster, node, epoch, seq, "time" AS recorded_at,
  source.name AS source_file, source.size AS bytes, source.lines AS lines, source.sha256 AS sha256,
  source."first" AS first_event, source."last" AS last_event, source.rotated AS rotated_at,
  len(objects) AS objects
FROM audit.audit_records
WHERE kind = 'file';

CREATE OR REPLACE VIEW audit.audit_gaps AS
SELECT
  cluster, node, epoch, seq, "time" AS recorded_at,
  gap.reason AS reason, gap."from" AS missing_from, gap."to" AS missing_to,
  gap.bytes AS estimated_bytes, gap.file AS source_file, gap.detail AS detail
FROM (SELECT *, unnest(gaps) AS gap FROM audit.audit_records);

-- The files that records name, by the numbers of their objects.
CREATE OR REPLACE VIEW audit.audit_recorded_files AS
SELECT DISTINCT
  cluster, node,
  regexp_extract(object.key, '-([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,})([.]r[0-9]+)?[.]parquet$', 1) AS epoch,
  TRY_CAST(regexp_extract(object.key, '-([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,})([.]r[0-9]+)?[.]parquet$', 2) AS bigint) AS seq
FROM (SELECT *, unnest(objects) AS object FROM audit.audit_records WHERE kind = 'file');

-- The events of files that have a record: without forged objects, and without the
-- files that are stored and not recorded yet. It reads all records.
CREATE OR REPLACE VIEW audit.audit_recorded AS
SELECT a.*
FROM audit.audit a
WHERE EXISTS (
  SELECT 1 FROM audit.audit_recorded_files f
  WHERE f.cluster = a.cluster AND f.node = a.node AND f.epoch = a.epoch AND f.seq = a.seq);
