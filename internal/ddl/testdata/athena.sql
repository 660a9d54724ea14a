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

-- The rows of open/: the lines of files that are still written, and for some days after.
CREATE EXTERNAL TABLE IF NOT EXISTS `audit`.`audit_open_events` (
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
LOCATION 's3://audit-archive/audit-logs/open/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.cluster.type' = 'enum',
  'projection.cluster.values' = 'production,staging',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2026-01-01,NOW+1DAYS',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://audit-archive/audit-logs/open/cluster=${cluster}/dt=${dt}/'
);

-- Events that no recorded file has yet, once each: of the open file, up to the last increment.
CREATE OR REPLACE VIEW "audit"."audit_open" AS
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
FROM (
  SELECT o.*, row_number() OVER (PARTITION BY cluster, dt, node, epoch, seq, source_line, line_part ORDER BY source_file) AS copy
  FROM audit.audit_open_events o
  WHERE NOT EXISTS (
    SELECT 1 FROM audit.audit_recorded_files f
    WHERE f.cluster = o.cluster AND f.node = o.node AND f.epoch = o.epoch AND f.seq = o.seq)
) AS o
WHERE copy = 1 AND decode_status <> 'undecodable';

-- All events, once each: of recorded files, and of those that are still written.
CREATE OR REPLACE VIEW "audit"."audit_all" AS
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
  COALESCE(CAST(to_unixtime(with_timezone(stage_timestamp, 'UTC')) * 1000 AS bigint), 0) AS "time",
  CAST(to_unixtime(with_timezone(request_received_timestamp, 'UTC')) * 1000 AS bigint) AS start_time,
  CASE WHEN response_code IS NULL THEN 0 WHEN response_code < 400 THEN 1 ELSE 2 END AS status_id,
  CASE WHEN response_code IS NULL THEN 'Unknown' WHEN response_code < 400 THEN 'Success' ELSE 'Failure' END AS status,
  CAST(response_code AS varchar) AS status_code,
  response_reason AS status_detail,
  response_message AS message,
  CAST(ROW('1.3.0', 'audit', 'auditsidecar', concat(node, '/', epoch, '/', CAST(seq AS varchar), '/', CAST(source_line AS varchar), '/', CAST(line_part AS varchar)), CAST(ROW('kube-apiserver', 'Kubernetes') AS ROW("name" varchar, "vendor_name" varchar))) AS ROW("version" varchar, "log_name" varchar, "log_provider" varchar, "uid" varchar, "product" ROW("name" varchar, "vendor_name" varchar))) AS metadata,
  CAST(ROW(CAST(ROW(COALESCE(user_name, 'unknown'), user_uid, transform(user_groups, g -> CAST(ROW(g) AS ROW("name" varchar)))) AS ROW("name" varchar, "uid" varchar, "groups" ARRAY(ROW("name" varchar)))), CASE WHEN element_at(annotations, 'authorization.k8s.io/decision') IS NOT NULL THEN ARRAY[CAST(ROW(element_at(annotations, 'authorization.k8s.io/decision'), CASE WHEN element_at(annotations, 'authorization.k8s.io/reason') <> '' THEN CAST(ROW(element_at(annotations, 'authorization.k8s.io/reason')) AS ROW("name" varchar)) END) AS ROW("decision" varchar, "policy" ROW("name" varchar)))] END) AS ROW("user" ROW("name" varchar, "uid" varchar, "groups" ARRAY(ROW("name" varchar))), "authorizations" ARRAY(ROW("decision" varchar, "policy" ROW("name" varchar))))) AS actor,
  CAST(ROW(COALESCE(verb, 'unknown'), object_api_version, CAST(ROW(COALESCE(object_api_group, '')) AS ROW("name" varchar)), CAST(ROW('kubernetes') AS ROW("name" varchar)), CAST(ROW(COALESCE(audit_id, '')) AS ROW("uid" varchar)), CAST(ROW(CAST(response_code AS bigint), response_reason, response_message) AS ROW("code" bigint, "error" varchar, "message" varchar))) AS ROW("operation" varchar, "version" varchar, "group" ROW("name" varchar), "service" ROW("name" varchar), "request" ROW("uid" varchar), "response" ROW("code" bigint, "error" varchar, "message" varchar))) AS api,
  CAST(ROW(user_agent, CAST(ROW(COALESCE(request_uri, '')) AS ROW("path" varchar))) AS ROW("user_agent" varchar, "url" ROW("path" varchar))) AS http_request,
  CAST(ROW(element_at(source_ips, 1), CASE WHEN element_at(source_ips, 1) IS NULL THEN 'unknown' END) AS ROW("ip" varchar, "name" varchar)) AS src_endpoint,
  CASE WHEN object_resource IS NOT NULL THEN ARRAY[CAST(ROW(COALESCE(object_name, '*'), object_uid, object_namespace, object_resource, object_resource_version) AS ROW("name" varchar, "uid" varchar, "namespace" varchar, "type" varchar, "version" varchar))] END AS resources,
  CAST(ROW(level, stage, object_subresource, impersonated_user_name, unknown_fields) AS ROW("level" varchar, "stage" varchar, "subresource" varchar, "impersonated_user" varchar, "unknown_fields" varchar)) AS unmapped
FROM audit.audit_events
WHERE decode_status <> 'undecodable';
