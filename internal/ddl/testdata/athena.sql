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
  `heartbeat` struct<`every`:bigint, `waiting`:bigint, `open`:struct<`name`:string, `seq`:bigint, `inode`:decimal(20,0), `size`:bigint, `lines`:bigint, `sha256`:string, `hmac`:string>, `server`:struct<`started`:string, `eventsbefore`:bigint, `eventsafter`:bigint, `errors`:bigint>, `input`:struct<`state`:string, `since`:string, `events`:bigint>>,
  `key` struct<`vkey`:string, `handover`:struct<`from`:string, `signature`:string>>,
  `setup` struct<`sidecar`:string, `server`:string, `flags`:map<string,string>, `policy`:struct<`sha256`:string, `text`:string>, `redaction`:struct<`sha256`:string, `text`:string>>,
  `checkpoint` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://audit-archive/audit-logs/manifests/';

-- One row a day of a node: the sum of its records. Made after the day; see docs/spec/rollup.md.
CREATE EXTERNAL TABLE IF NOT EXISTS `audit`.`audit_rollup_objects` (
  `cluster_name` string,
  `node_name` string,
  `version` bigint,
  `tree` bigint,
  `day` string,
  `from_number` bigint,
  `to_number` bigint,
  `began` timestamp,
  `ended` timestamp,
  `files` bigint,
  `bytes` bigint,
  `lines` bigint,
  `objects` bigint,
  `first` timestamp,
  `last` timestamp,
  `levels` array<struct<`name`:string, `lines`:bigint>>,
  `stages` array<struct<`name`:string, `lines`:bigint>>,
  `gaps` array<struct<`number`:bigint, `epoch`:string, `seq`:bigint, `recorded`:timestamp, `from_time`:timestamp, `to_time`:timestamp, `reason`:string, `bytes`:bigint, `file`:string, `detail`:string>>,
  `recorded` array<struct<`number`:bigint, `epoch`:string, `seq`:bigint, `recorded`:timestamp, `name`:string, `bytes`:bigint, `lines`:bigint, `sha256`:string, `first`:timestamp, `last`:timestamp, `rotated`:timestamp, `objects`:bigint>>,
  `start` array<binary>,
  `leaves` array<binary>,
  `head` string
)
STORED AS PARQUET
LOCATION 's3://audit-archive/audit-logs/rollups/parquet/';

CREATE OR REPLACE VIEW "audit"."audit_rollups" AS
SELECT cluster_name AS cluster, node_name AS node, "version", "tree", "day", "from_number", "to_number", "began", "ended", "files", "bytes", "lines", "objects", "first", "last", "levels", "stages", "gaps", "recorded", "start", "leaves", "head"
FROM "audit"."audit_rollup_objects";

-- How far the rollups of each tree of records reach; 0 if one of them is missing.
CREATE OR REPLACE VIEW "audit"."audit_rolled_up" AS
SELECT cluster, node, tree, CASE WHEN sum(to_number - from_number + 1) >= max(to_number) THEN max(to_number) ELSE 0 END AS last_number
FROM (SELECT DISTINCT cluster, node, tree, from_number, to_number FROM audit.audit_rollups) AS ranges
GROUP BY cluster, node, tree;

-- The records that no rollup sums up. Athena reads all records to find them.
CREATE OR REPLACE VIEW "audit"."audit_new_records" AS
SELECT r.*
FROM audit.audit_records r
LEFT JOIN audit.audit_rolled_up t
  ON t.cluster = r.cluster AND t.node = r.node AND t.tree = COALESCE(TRY_CAST(split_part(split_part(r.checkpoint, chr(10), 1), '/', 4) AS bigint), 1)
WHERE t.last_number IS NULL OR r.number > t.last_number;

-- One row a file that a rollup names.
CREATE OR REPLACE VIEW "audit"."audit_rolled_files" AS
SELECT DISTINCT
  r.cluster, r.node, f.epoch AS epoch, f.seq AS seq, f.recorded AS recorded_at,
  f.name AS source_file, f.bytes AS bytes, f.lines AS lines, NULLIF(f.sha256, '') AS sha256,
  f."first" AS first_event, f."last" AS last_event, f.rotated AS rotated_at,
  f.objects AS objects
FROM audit.audit_rollups r
CROSS JOIN UNNEST(r.recorded) AS f ("number", "epoch", "seq", "recorded", "name", "bytes", "lines", "sha256", "first", "last", "rotated", "objects");

-- One row an archived file, from the rollups and the records after them.
CREATE OR REPLACE VIEW "audit"."audit_files" AS
SELECT * FROM audit.audit_rolled_files
UNION
SELECT
  cluster, node,
  COALESCE(regexp_extract(element_at(objects, 1)."key", '-([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,})([.]r[0-9]+)?[.]parquet$', 1), epoch),
  COALESCE(TRY_CAST(regexp_extract(element_at(objects, 1)."key", '-([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,})([.]r[0-9]+)?[.]parquet$', 2) AS bigint), seq),
  CAST(replace(substr("time", 1, 23), 'T', ' ') AS timestamp),
  source.name, source.size, source.lines, source.sha256,
  CAST(replace(substr(source."first", 1, 23), 'T', ' ') AS timestamp), CAST(replace(substr(source."last", 1, 23), 'T', ' ') AS timestamp), CAST(replace(substr(source.rotated, 1, 23), 'T', ' ') AS timestamp),
  COALESCE(cardinality(objects), 0)
FROM audit.audit_new_records
WHERE kind = 'file';

-- One row a break in the log, from the same.
CREATE OR REPLACE VIEW "audit"."audit_gaps" AS
SELECT
  r.cluster, r.node, g.epoch AS epoch, g.seq AS seq, g.recorded AS recorded_at,
  g.reason AS reason, g.from_time AS missing_from, g.to_time AS missing_to,
  g.bytes AS estimated_bytes, NULLIF(g.file, '') AS source_file, NULLIF(g.detail, '') AS detail
FROM audit.audit_rollups r
CROSS JOIN UNNEST(r.gaps) AS g ("number", "epoch", "seq", "recorded", "from_time", "to_time", "reason", "bytes", "file", "detail")
UNION
SELECT
  r.cluster, r.node, r.epoch, r.seq, CAST(replace(substr(r."time", 1, 23), 'T', ' ') AS timestamp),
  g.reason, CAST(replace(substr(g."from", 1, 23), 'T', ' ') AS timestamp), CAST(replace(substr(g."to", 1, 23), 'T', ' ') AS timestamp),
  g.bytes, g.file, g.detail
FROM audit.audit_new_records r
CROSS JOIN UNNEST(r.gaps) AS g ("from", "to", "reason", "bytes", "file", "detail");

-- The files that records name, by the numbers of their objects.
CREATE OR REPLACE VIEW "audit"."audit_recorded_files" AS
SELECT DISTINCT cluster, node, epoch, seq FROM audit.audit_files;

-- The events of files that have a record: without forged objects, and without the
-- files that are stored and not recorded yet.
CREATE OR REPLACE VIEW "audit"."audit_recorded" AS
SELECT a.*
FROM audit.audit a
WHERE EXISTS (
  SELECT 1 FROM audit.audit_recorded_files f
  WHERE f.cluster = a.cluster AND f.node = a.node AND f.epoch = a.epoch AND f.seq = a.seq);

-- The same of files that rollups name: no record is read, and files that were recorded
-- after the last rollup of their node are left out.
CREATE OR REPLACE VIEW "audit"."audit_recorded_closed" AS
SELECT a.*
FROM audit.audit a
WHERE EXISTS (
  SELECT 1 FROM audit.audit_rolled_files f
  WHERE f.cluster = a.cluster AND f.node = a.node AND f.epoch = a.epoch AND f.seq = a.seq);
