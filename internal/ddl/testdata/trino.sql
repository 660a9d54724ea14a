-- The audit archive s3://audit-archive/audit-logs in Trino, with the Hive connector.
-- The catalog needs hive.timestamp-precision=MICROSECONDS and
-- hive.parquet.time-zone=UTC.

CREATE SCHEMA IF NOT EXISTS hive.audit;

-- All rows.
CREATE TABLE IF NOT EXISTS hive.audit.audit_events (
  level varchar,
  stage varchar,
  verb varchar,
  audit_id varchar,
  request_uri varchar,
  user_agent varchar,
  user_name varchar,
  user_uid varchar,
  user_groups array(varchar),
  user_extra map(varchar, array(varchar)),
  impersonated_user_name varchar,
  impersonated_user_uid varchar,
  impersonated_user_groups array(varchar),
  impersonated_user_extra map(varchar, array(varchar)),
  impersonation_constraint varchar,
  source_ips array(varchar),
  object_resource varchar,
  object_namespace varchar,
  object_name varchar,
  object_uid varchar,
  object_api_group varchar,
  object_api_version varchar,
  object_resource_version varchar,
  object_subresource varchar,
  response_code integer,
  response_status varchar,
  response_reason varchar,
  response_message varchar,
  response_details varchar,
  request_object varchar,
  response_object varchar,
  request_received_timestamp timestamp(6),
  stage_timestamp timestamp(6),
  annotations map(varchar, varchar),
  raw varbinary,
  decode_status varchar,
  node varchar,
  epoch varchar,
  source_file varchar,
  seq bigint,
  source_line bigint,
  line_part integer,
  unknown_fields varchar,
  cluster varchar,
  dt varchar
)
WITH (
  external_location = 's3://audit-archive/audit-logs/data/',
  format = 'PARQUET',
  partitioned_by = ARRAY['cluster', 'dt']
);

-- One row an event.
CREATE OR REPLACE VIEW hive.audit.audit AS
SELECT
  cluster,
  dt,
  node,
  stage_timestamp AS event_time,
  request_received_timestamp AS received_time,
  level,
  stage,
  verb,
  audit_id,
  request_uri,
  user_agent,
  user_name,
  user_uid,
  array_join(user_groups, ', ') AS user_groups,
  element_at(element_at(user_extra, 'authentication.kubernetes.io/credential-id'), 1) AS credential_id,
  element_at(element_at(user_extra, 'authentication.kubernetes.io/pod-name'), 1) AS pod_name,
  element_at(element_at(user_extra, 'authentication.kubernetes.io/node-name'), 1) AS pod_node_name,
  impersonated_user_name,
  impersonated_user_uid,
  array_join(impersonated_user_groups, ', ') AS impersonated_user_groups,
  element_at(source_ips, 1) AS source_ip,
  array_join(source_ips, ', ') AS source_ips,
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
  element_at(annotations, 'authorization.k8s.io/decision') AS authorization_decision,
  element_at(annotations, 'authorization.k8s.io/reason') AS authorization_reason,
  element_at(annotations, 'pod-security.kubernetes.io/audit-violations') AS pod_security_violations,
  unknown_fields,
  decode_status,
  epoch,
  seq,
  source_file,
  source_line,
  line_part
FROM hive.audit.audit_events
WHERE decode_status <> 'undecodable';

-- One row a record of the chain: what was archived, and what could not be.
CREATE TABLE IF NOT EXISTS hive.audit.audit_records (
  "version" bigint,
  "kind" varchar,
  "machineid" varchar,
  "epoch" varchar,
  "seq" bigint,
  "number" bigint,
  "time" varchar,
  "clockstepped" boolean,
  "begins" row("reason" varchar, "detail" varchar),
  "source" row("name" varchar, "inode" decimal(20, 0), "size" bigint, "lines" bigint, "sha256" varchar, "merkleroot" varchar, "hmac" varchar, "finalnewline" boolean, "first" varchar, "last" varchar, "rotated" varchar),
  "content" row("size" bigint, "lines" bigint, "sha256" varchar, "merkleroot" varchar),
  "redaction" varchar,
  "counts" row("levels" map(varchar, bigint), "stages" map(varchar, bigint)),
  "objects" array(row("key" varchar, "size" bigint, "sha256" varchar, "rows" bigint)),
  "gaps" array(row("from" varchar, "to" varchar, "reason" varchar, "bytes" bigint, "file" varchar, "detail" varchar)),
  "heartbeat" row("every" bigint, "waiting" bigint, "open" row("name" varchar, "seq" bigint, "inode" decimal(20, 0), "size" bigint, "lines" bigint, "sha256" varchar, "hmac" varchar), "server" row("started" varchar, "eventsbefore" bigint, "eventsafter" bigint, "errors" bigint)),
  "key" row("vkey" varchar, "handover" row("from" varchar, "signature" varchar)),
  "setup" row("sidecar" varchar, "server" varchar, "flags" map(varchar, varchar), "policy" row("sha256" varchar, "text" varchar), "redaction" row("sha256" varchar, "text" varchar)),
  "checkpoint" varchar,
  cluster varchar,
  node varchar
)
WITH (
  external_location = 's3://audit-archive/audit-logs/manifests/',
  format = 'JSON',
  partitioned_by = ARRAY['cluster', 'node']
);

CREATE OR REPLACE VIEW hive.audit.audit_files AS
SELECT
  cluster, node, epoch, seq, "time" AS recorded_at,
  source.name AS source_file, source.size AS bytes, source.lines AS lines, source.sha256 AS sha256,
  source."first" AS first_event, source."last" AS last_event, source.rotated AS rotated_at,
  cardinality(objects) AS objects
FROM hive.audit.audit_records
WHERE kind = 'file';

CREATE OR REPLACE VIEW hive.audit.audit_gaps AS
SELECT
  r.cluster, r.node, r.epoch, r.seq, r."time" AS recorded_at,
  g.reason AS reason, g."from" AS missing_from, g."to" AS missing_to,
  g.bytes AS estimated_bytes, g.file AS source_file, g.detail AS detail
FROM hive.audit.audit_records r
CROSS JOIN UNNEST(r.gaps) AS g ("from", "to", "reason", "bytes", "file", "detail");

-- The files that records name, by the numbers of their objects.
CREATE OR REPLACE VIEW hive.audit.audit_recorded_files AS
SELECT DISTINCT
  r.cluster, r.node,
  regexp_extract(o."key", '-([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,})([.]r[0-9]+)?[.]parquet$', 1) AS epoch,
  TRY_CAST(regexp_extract(o."key", '-([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,})([.]r[0-9]+)?[.]parquet$', 2) AS bigint) AS seq
FROM hive.audit.audit_records r
CROSS JOIN UNNEST(r.objects) AS o ("key", "size", "sha256", "rows")
WHERE r.kind = 'file';

-- The events of files that have a record: without forged objects, and without the
-- files that are stored and not recorded yet. It reads all records.
CREATE OR REPLACE VIEW hive.audit.audit_recorded AS
SELECT a.*
FROM hive.audit.audit a
WHERE EXISTS (
  SELECT 1 FROM hive.audit.audit_recorded_files f
  WHERE f.cluster = a.cluster AND f.node = a.node AND f.epoch = a.epoch AND f.seq = a.seq);

-- Makes new days, clusters and nodes known: run it daily, soon after midnight
-- UTC, or before you ask about today.
CALL hive.system.sync_partition_metadata('audit', 'audit_events', 'ADD');
CALL hive.system.sync_partition_metadata('audit', 'audit_records', 'ADD');
