-- The audit archive s3://audit-archive/audit-logs in Spark SQL (3.5 or newer). Older versions lack functions of
-- the views; up to 3.2 the table audit_events alone can be read after
--   SET spark.sql.parquet.enableVectorizedReader = false;
-- Hive's metastore writes a mark for a folder without objects: with credentials that may only read,
-- run this when open/ and rollups/parquet/ have objects.

SET TIME ZONE 'UTC';

CREATE DATABASE IF NOT EXISTS audit;

-- All rows.
CREATE TABLE IF NOT EXISTS audit.audit_events (
  `level` STRING,
  `stage` STRING,
  `verb` STRING,
  `audit_id` STRING,
  `request_uri` STRING,
  `user_agent` STRING,
  `user_name` STRING,
  `user_uid` STRING,
  `user_groups` ARRAY<STRING>,
  `user_extra` MAP<STRING, ARRAY<STRING>>,
  `impersonated_user_name` STRING,
  `impersonated_user_uid` STRING,
  `impersonated_user_groups` ARRAY<STRING>,
  `impersonated_user_extra` MAP<STRING, ARRAY<STRING>>,
  `impersonation_constraint` STRING,
  `source_ips` ARRAY<STRING>,
  `object_resource` STRING,
  `object_namespace` STRING,
  `object_name` STRING,
  `object_uid` STRING,
  `object_api_group` STRING,
  `object_api_version` STRING,
  `object_resource_version` STRING,
  `object_subresource` STRING,
  `response_code` INT,
  `response_status` STRING,
  `response_reason` STRING,
  `response_message` STRING,
  `response_details` STRING,
  `request_object` STRING,
  `response_object` STRING,
  `request_received_timestamp` TIMESTAMP,
  `stage_timestamp` TIMESTAMP,
  `annotations` MAP<STRING, STRING>,
  `raw` BINARY,
  `decode_status` STRING,
  `node` STRING,
  `epoch` STRING,
  `source_file` STRING,
  `seq` BIGINT,
  `source_line` BIGINT,
  `line_part` INT,
  `unknown_fields` STRING,
  `cluster` STRING,
  `dt` STRING
)
USING parquet
PARTITIONED BY (`cluster`, `dt`)
LOCATION 's3://audit-archive/audit-logs/data/';

-- One row an event.
CREATE OR REPLACE VIEW audit.audit AS
SELECT
  cluster,
  dt,
  node,
  to_timestamp_ntz(stage_timestamp) AS event_time,
  to_timestamp_ntz(request_received_timestamp) AS received_time,
  level,
  stage,
  verb,
  audit_id,
  request_uri,
  user_agent,
  user_name,
  user_uid,
  array_join(user_groups, ', ') AS user_groups,
  get(try_element_at(user_extra, 'authentication.kubernetes.io/credential-id'), 0) AS credential_id,
  get(try_element_at(user_extra, 'authentication.kubernetes.io/pod-name'), 0) AS pod_name,
  get(try_element_at(user_extra, 'authentication.kubernetes.io/node-name'), 0) AS pod_node_name,
  impersonated_user_name,
  impersonated_user_uid,
  array_join(impersonated_user_groups, ', ') AS impersonated_user_groups,
  get(source_ips, 0) AS source_ip,
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
  try_element_at(annotations, 'authorization.k8s.io/decision') AS authorization_decision,
  try_element_at(annotations, 'authorization.k8s.io/reason') AS authorization_reason,
  try_element_at(annotations, 'pod-security.kubernetes.io/audit-violations') AS pod_security_violations,
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
CREATE TABLE IF NOT EXISTS audit.audit_records (
  `version` BIGINT,
  `kind` STRING,
  `machineID` STRING,
  `epoch` STRING,
  `seq` BIGINT,
  `number` BIGINT,
  `time` STRING,
  `clockStepped` BOOLEAN,
  `begins` STRUCT<`reason`: STRING, `detail`: STRING>,
  `source` STRUCT<`name`: STRING, `inode`: DECIMAL(20, 0), `size`: BIGINT, `lines`: BIGINT, `sha256`: STRING, `merkleRoot`: STRING, `hmac`: STRING, `finalNewline`: BOOLEAN, `first`: STRING, `last`: STRING, `rotated`: STRING>,
  `content` STRUCT<`size`: BIGINT, `lines`: BIGINT, `sha256`: STRING, `merkleRoot`: STRING>,
  `redaction` STRING,
  `counts` STRUCT<`levels`: MAP<STRING, BIGINT>, `stages`: MAP<STRING, BIGINT>>,
  `objects` ARRAY<STRUCT<`key`: STRING, `size`: BIGINT, `sha256`: STRING, `rows`: BIGINT>>,
  `gaps` ARRAY<STRUCT<`from`: STRING, `to`: STRING, `reason`: STRING, `bytes`: BIGINT, `file`: STRING, `detail`: STRING>>,
  `heartbeat` STRUCT<`every`: BIGINT, `waiting`: BIGINT, `open`: STRUCT<`name`: STRING, `seq`: BIGINT, `inode`: DECIMAL(20, 0), `size`: BIGINT, `lines`: BIGINT, `sha256`: STRING, `hmac`: STRING>, `server`: STRUCT<`started`: STRING, `eventsBefore`: BIGINT, `eventsAfter`: BIGINT, `errors`: BIGINT>, `input`: STRUCT<`state`: STRING, `since`: STRING, `events`: BIGINT>>,
  `key` STRUCT<`vkey`: STRING, `handover`: STRUCT<`from`: STRING, `signature`: STRING>>,
  `setup` STRUCT<`sidecar`: STRING, `server`: STRING, `flags`: MAP<STRING, STRING>, `policy`: STRUCT<`sha256`: STRING, `text`: STRING>, `redaction`: STRUCT<`sha256`: STRING, `text`: STRING>>,
  `checkpoint` STRING,
  `cluster` STRING,
  `node` STRING
)
USING json
PARTITIONED BY (`cluster`, `node`)
LOCATION 's3://audit-archive/audit-logs/manifests/';

-- One row a day of a node: the sum of its records. Made after the day; see docs/spec/rollup.md.
CREATE TABLE IF NOT EXISTS audit.audit_rollups (
  `version` BIGINT,
  `tree` BIGINT,
  `day` STRING,
  `from_number` BIGINT,
  `to_number` BIGINT,
  `began` TIMESTAMP,
  `ended` TIMESTAMP,
  `files` BIGINT,
  `bytes` BIGINT,
  `lines` BIGINT,
  `objects` BIGINT,
  `first` TIMESTAMP,
  `last` TIMESTAMP,
  `levels` ARRAY<STRUCT<`name`: STRING, `lines`: BIGINT>>,
  `stages` ARRAY<STRUCT<`name`: STRING, `lines`: BIGINT>>,
  `gaps` ARRAY<STRUCT<`number`: BIGINT, `epoch`: STRING, `seq`: BIGINT, `recorded`: TIMESTAMP, `from_time`: TIMESTAMP, `to_time`: TIMESTAMP, `reason`: STRING, `bytes`: BIGINT, `file`: STRING, `detail`: STRING>>,
  `recorded` ARRAY<STRUCT<`number`: BIGINT, `epoch`: STRING, `seq`: BIGINT, `recorded`: TIMESTAMP, `name`: STRING, `bytes`: BIGINT, `lines`: BIGINT, `sha256`: STRING, `first`: TIMESTAMP, `last`: TIMESTAMP, `rotated`: TIMESTAMP, `objects`: BIGINT>>,
  `start` ARRAY<BINARY>,
  `leaves` ARRAY<BINARY>,
  `head` STRING,
  `cluster` STRING,
  `node` STRING
)
USING parquet
PARTITIONED BY (`cluster`, `node`)
LOCATION 's3://audit-archive/audit-logs/rollups/parquet/';

-- How far the rollups of each tree of records reach; 0 if one of them is missing.
CREATE OR REPLACE VIEW audit.audit_rolled_up AS
SELECT cluster, node, tree, CASE WHEN sum(to_number - from_number + 1) >= max(to_number) THEN max(to_number) ELSE 0 END AS last_number
FROM (SELECT DISTINCT cluster, node, tree, from_number, to_number FROM audit.audit_rollups) AS ranges
GROUP BY cluster, node, tree;

-- The records that no rollup sums up. Spark reads all records to find them.
CREATE OR REPLACE VIEW audit.audit_new_records AS
SELECT r.*
FROM audit.audit_records r
LEFT JOIN audit.audit_rolled_up t
  ON t.cluster = r.cluster AND t.node = r.node AND t.tree = COALESCE(TRY_CAST(split_part(split_part(r.checkpoint, chr(10), 1), '/', 4) AS bigint), 1)
WHERE t.last_number IS NULL OR r.number > t.last_number;

-- One row a file that a rollup names.
CREATE OR REPLACE VIEW audit.audit_rolled_files AS
SELECT DISTINCT
  cluster, node, f.epoch AS epoch, f.seq AS seq, to_timestamp_ntz(f.recorded) AS recorded_at,
  f.name AS source_file, f.bytes AS bytes, f.lines AS lines, NULLIF(f.sha256, '') AS sha256,
  to_timestamp_ntz(f.`first`) AS first_event, to_timestamp_ntz(f.`last`) AS last_event, to_timestamp_ntz(f.rotated) AS rotated_at,
  f.objects AS objects
FROM audit.audit_rollups LATERAL VIEW explode(recorded) AS f;

-- One row an archived file, from the rollups and the records after them.
CREATE OR REPLACE VIEW audit.audit_files AS
SELECT * FROM audit.audit_rolled_files
UNION
SELECT
  cluster, node,
  COALESCE(NULLIF(regexp_extract(get(objects, 0).key, '-([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,})([.]r[0-9]+)?[.]parquet$', 1), ''), epoch),
  COALESCE(TRY_CAST(regexp_extract(get(objects, 0).key, '-([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,})([.]r[0-9]+)?[.]parquet$', 2) AS bigint), seq),
  CAST(substr(`time`, 1, 26) AS TIMESTAMP_NTZ),
  source.name, source.size, source.lines, source.sha256,
  CAST(substr(source.`first`, 1, 26) AS TIMESTAMP_NTZ), CAST(substr(source.`last`, 1, 26) AS TIMESTAMP_NTZ), CAST(substr(source.rotated, 1, 26) AS TIMESTAMP_NTZ),
  COALESCE(cardinality(objects), 0)
FROM audit.audit_new_records
WHERE kind = 'file';

-- One row a break in the log, from the same.
CREATE OR REPLACE VIEW audit.audit_gaps AS
SELECT
  cluster, node, gap.epoch AS epoch, gap.seq AS seq, to_timestamp_ntz(gap.recorded) AS recorded_at,
  gap.reason AS reason, to_timestamp_ntz(gap.from_time) AS missing_from, to_timestamp_ntz(gap.to_time) AS missing_to,
  gap.bytes AS estimated_bytes, NULLIF(gap.file, '') AS source_file, NULLIF(gap.detail, '') AS detail
FROM audit.audit_rollups LATERAL VIEW explode(gaps) AS gap
UNION
SELECT
  cluster, node, epoch, seq, CAST(substr(`time`, 1, 26) AS TIMESTAMP_NTZ),
  gap.reason, CAST(substr(gap.`from`, 1, 26) AS TIMESTAMP_NTZ), CAST(substr(gap.`to`, 1, 26) AS TIMESTAMP_NTZ),
  gap.bytes, gap.file, gap.detail
FROM audit.audit_new_records LATERAL VIEW explode(gaps) AS gap;

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

-- The rows of open/: the lines of files that are still written, and for some days after.
CREATE TABLE IF NOT EXISTS audit.audit_open_events (
  `level` STRING,
  `stage` STRING,
  `verb` STRING,
  `audit_id` STRING,
  `request_uri` STRING,
  `user_agent` STRING,
  `user_name` STRING,
  `user_uid` STRING,
  `user_groups` ARRAY<STRING>,
  `user_extra` MAP<STRING, ARRAY<STRING>>,
  `impersonated_user_name` STRING,
  `impersonated_user_uid` STRING,
  `impersonated_user_groups` ARRAY<STRING>,
  `impersonated_user_extra` MAP<STRING, ARRAY<STRING>>,
  `impersonation_constraint` STRING,
  `source_ips` ARRAY<STRING>,
  `object_resource` STRING,
  `object_namespace` STRING,
  `object_name` STRING,
  `object_uid` STRING,
  `object_api_group` STRING,
  `object_api_version` STRING,
  `object_resource_version` STRING,
  `object_subresource` STRING,
  `response_code` INT,
  `response_status` STRING,
  `response_reason` STRING,
  `response_message` STRING,
  `response_details` STRING,
  `request_object` STRING,
  `response_object` STRING,
  `request_received_timestamp` TIMESTAMP,
  `stage_timestamp` TIMESTAMP,
  `annotations` MAP<STRING, STRING>,
  `raw` BINARY,
  `decode_status` STRING,
  `node` STRING,
  `epoch` STRING,
  `source_file` STRING,
  `seq` BIGINT,
  `source_line` BIGINT,
  `line_part` INT,
  `unknown_fields` STRING,
  `cluster` STRING,
  `dt` STRING
)
USING parquet
PARTITIONED BY (`cluster`, `dt`)
LOCATION 's3://audit-archive/audit-logs/open/';

-- Events that no recorded file has yet, once each: of the open file, up to the last increment.
CREATE OR REPLACE VIEW audit.audit_open AS
SELECT
  cluster,
  dt,
  node,
  to_timestamp_ntz(stage_timestamp) AS event_time,
  to_timestamp_ntz(request_received_timestamp) AS received_time,
  level,
  stage,
  verb,
  audit_id,
  request_uri,
  user_agent,
  user_name,
  user_uid,
  array_join(user_groups, ', ') AS user_groups,
  get(try_element_at(user_extra, 'authentication.kubernetes.io/credential-id'), 0) AS credential_id,
  get(try_element_at(user_extra, 'authentication.kubernetes.io/pod-name'), 0) AS pod_name,
  get(try_element_at(user_extra, 'authentication.kubernetes.io/node-name'), 0) AS pod_node_name,
  impersonated_user_name,
  impersonated_user_uid,
  array_join(impersonated_user_groups, ', ') AS impersonated_user_groups,
  get(source_ips, 0) AS source_ip,
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
  try_element_at(annotations, 'authorization.k8s.io/decision') AS authorization_decision,
  try_element_at(annotations, 'authorization.k8s.io/reason') AS authorization_reason,
  try_element_at(annotations, 'pod-security.kubernetes.io/audit-violations') AS pod_security_violations,
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

-- Makes new days, clusters and nodes known: run it daily, soon after midnight
-- UTC, or before you ask about today.
MSCK REPAIR TABLE audit.audit_events;
MSCK REPAIR TABLE audit.audit_open_events;
MSCK REPAIR TABLE audit.audit_records;
MSCK REPAIR TABLE audit.audit_rollups;

-- Spark keeps the list of a table's objects: in a session that lasts, run these before a question
-- to see what was stored since.
REFRESH TABLE audit.audit_events;
REFRESH TABLE audit.audit_open_events;
REFRESH TABLE audit.audit_records;
REFRESH TABLE audit.audit_rollups;
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
  COALESCE(CAST(unix_millis(stage_timestamp) AS BIGINT), 0) AS `time`,
  CAST(unix_millis(request_received_timestamp) AS BIGINT) AS start_time,
  CASE WHEN response_code IS NULL THEN 0 WHEN response_code < 400 THEN 1 ELSE 2 END AS status_id,
  CASE WHEN response_code IS NULL THEN 'Unknown' WHEN response_code < 400 THEN 'Success' ELSE 'Failure' END AS status,
  CAST(response_code AS STRING) AS status_code,
  response_reason AS status_detail,
  response_message AS message,
  named_struct('version', '1.3.0', 'log_name', 'audit', 'log_provider', 'auditsidecar', 'uid', concat(node, '/', epoch, '/', CAST(seq AS STRING), '/', CAST(source_line AS STRING), '/', CAST(line_part AS STRING)), 'product', named_struct('name', 'kube-apiserver', 'vendor_name', 'Kubernetes')) AS metadata,
  named_struct('user', named_struct('name', COALESCE(user_name, 'unknown'), 'uid', user_uid, 'groups', transform(user_groups, g -> named_struct('name', g))), 'authorizations', CASE WHEN try_element_at(annotations, 'authorization.k8s.io/decision') IS NOT NULL THEN array(named_struct('decision', try_element_at(annotations, 'authorization.k8s.io/decision'), 'policy', CASE WHEN try_element_at(annotations, 'authorization.k8s.io/reason') <> '' THEN named_struct('name', try_element_at(annotations, 'authorization.k8s.io/reason')) END)) END) AS actor,
  named_struct('operation', COALESCE(verb, 'unknown'), 'version', object_api_version, 'group', named_struct('name', COALESCE(object_api_group, '')), 'service', named_struct('name', 'kubernetes'), 'request', named_struct('uid', COALESCE(audit_id, '')), 'response', named_struct('code', CAST(response_code AS BIGINT), 'error', response_reason, 'message', response_message)) AS api,
  named_struct('user_agent', user_agent, 'url', named_struct('path', COALESCE(request_uri, ''))) AS http_request,
  named_struct('ip', get(source_ips, 0), 'name', CASE WHEN get(source_ips, 0) IS NULL THEN 'unknown' END) AS src_endpoint,
  CASE WHEN object_resource IS NOT NULL THEN array(named_struct('name', COALESCE(object_name, '*'), 'uid', object_uid, 'namespace', object_namespace, 'type', object_resource, 'version', object_resource_version)) END AS resources,
  named_struct('level', level, 'stage', stage, 'subresource', object_subresource, 'impersonated_user', impersonated_user_name, 'unknown_fields', unknown_fields) AS unmapped
FROM audit.audit_events
WHERE decode_status <> 'undecodable';
