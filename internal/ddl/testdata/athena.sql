-- The audit archive s3://audit-archive/audit-logs in Athena (engine version 3).
-- Athena takes one statement at a time: run them one after another.

CREATE DATABASE IF NOT EXISTS `audit`;

-- All rows. Partitions are computed, so a new day needs no statement.
-- Only the clusters and days below are seen: make the table again for another
-- cluster (DROP TABLE deletes no object).
CREATE EXTERNAL TABLE IF NOT EXISTS `audit`.`audit_events` (
  `level` string,
  `stage` string,
  `verb` string,
  `audit_id` string,
  `request_uri` string,
  `user_agent` string,
  `user_name` string,
  `user_uid` string,
  `user_groups` array<string>,
  `user_extra` map<string,array<string>>,
  `impersonated_user_name` string,
  `impersonated_user_uid` string,
  `impersonated_user_groups` array<string>,
  `impersonated_user_extra` map<string,array<string>>,
  `impersonation_constraint` string,
  `source_ips` array<string>,
  `object_resource` string,
  `object_namespace` string,
  `object_name` string,
  `object_uid` string,
  `object_api_group` string,
  `object_api_version` string,
  `object_resource_version` string,
  `object_subresource` string,
  `response_code` int,
  `response_status` string,
  `response_reason` string,
  `response_message` string,
  `response_details` string,
  `request_object` string,
  `response_object` string,
  `request_received_timestamp` timestamp,
  `stage_timestamp` timestamp,
  `annotations` map<string,string>,
  `raw` binary,
  `decode_status` string,
  `node` string,
  `epoch` string,
  `source_file` string,
  `seq` bigint,
  `source_line` bigint,
  `line_part` int,
  `unknown_fields` string
)
PARTITIONED BY (`cluster` string, `dt` string)
STORED AS PARQUET
LOCATION 's3://audit-archive/audit-logs/data/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.cluster.type' = 'enum',
  'projection.cluster.values' = 'production,staging',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2026-01-01,NOW+1DAYS',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://audit-archive/audit-logs/data/cluster=${cluster}/dt=${dt}/'
);

-- One row an event. Times have milliseconds here: ask with >= and <.
CREATE OR REPLACE VIEW "audit"."audit" AS
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
FROM "audit"."audit_events"
WHERE decode_status <> 'undecodable';

-- One row a record of the chain: what was archived, and what could not be.
CREATE EXTERNAL TABLE IF NOT EXISTS `audit`.`audit_records` (
  `version` bigint,
  `kind` string,
  `cluster` string,
  `node` string,
  `machineid` string,
  `epoch` string,
  `seq` bigint,
  `number` bigint,
  `time` string,
  `clockstepped` boolean,
  `begins` struct<`reason`:string, `detail`:string>,
  `source` struct<`name`:string, `inode`:decimal(20,0), `size`:bigint, `lines`:bigint, `sha256`:string, `merkleroot`:string, `hmac`:string, `finalnewline`:boolean, `first`:string, `last`:string, `rotated`:string>,
  `content` struct<`size`:bigint, `lines`:bigint, `sha256`:string, `merkleroot`:string>,
  `redaction` string,
  `counts` struct<`levels`:map<string,bigint>, `stages`:map<string,bigint>>,
  `objects` array<struct<`key`:string, `size`:bigint, `sha256`:string, `rows`:bigint>>,
  `gaps` array<struct<`from`:string, `to`:string, `reason`:string, `bytes`:bigint, `file`:string, `detail`:string>>,
  `heartbeat` struct<`every`:bigint, `waiting`:bigint, `open`:struct<`name`:string, `seq`:bigint, `inode`:decimal(20,0), `size`:bigint, `lines`:bigint, `sha256`:string, `hmac`:string>, `server`:struct<`started`:string, `eventsbefore`:bigint, `eventsafter`:bigint, `errors`:bigint>>,
  `key` struct<`vkey`:string, `handover`:struct<`from`:string, `signature`:string>>,
  `setup` struct<`sidecar`:string, `server`:string, `flags`:map<string,string>, `policy`:struct<`sha256`:string, `text`:string>, `redaction`:struct<`sha256`:string, `text`:string>>,
  `checkpoint` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://audit-archive/audit-logs/manifests/';

CREATE OR REPLACE VIEW "audit"."audit_files" AS
SELECT
  cluster, node, epoch, seq, "time" AS recorded_at,
  source.name AS source_file, source.size AS bytes, source.lines AS lines, source.sha256 AS sha256,
  source."first" AS first_event, source."last" AS last_event, source.rotated AS rotated_at,
  cardinality(objects) AS objects
FROM audit.audit_records
WHERE kind = 'file';

CREATE OR REPLACE VIEW "audit"."audit_gaps" AS
SELECT
  r.cluster, r.node, r.epoch, r.seq, r."time" AS recorded_at,
  g.reason AS reason, g."from" AS missing_from, g."to" AS missing_to,
  g.bytes AS estimated_bytes, g.file AS source_file, g.detail AS detail
FROM audit.audit_records r
CROSS JOIN UNNEST(r.gaps) AS g ("from", "to", "reason", "bytes", "file", "detail");

-- The files that records name, by the numbers of their objects.
CREATE OR REPLACE VIEW "audit"."audit_recorded_files" AS
SELECT DISTINCT
  r.cluster, r.node,
  regexp_extract(o."key", '-([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,})([.]r[0-9]+)?[.]parquet$', 1) AS epoch,
  TRY_CAST(regexp_extract(o."key", '-([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,})([.]r[0-9]+)?[.]parquet$', 2) AS bigint) AS seq
FROM audit.audit_records r
CROSS JOIN UNNEST(r.objects) AS o ("key", "size", "sha256", "rows")
WHERE r.kind = 'file';

-- The events of files that have a record: without forged objects, and without the
-- files that are stored and not recorded yet. It reads all records.
CREATE OR REPLACE VIEW "audit"."audit_recorded" AS
SELECT a.*
FROM audit.audit a
WHERE EXISTS (
  SELECT 1 FROM audit.audit_recorded_files f
  WHERE f.cluster = a.cluster AND f.node = a.node AND f.epoch = a.epoch AND f.seq = a.seq);
