-- The audit archive s3://audit-archive/audit-logs in Spark SQL (3.5 or newer).

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
USING PARQUET
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
  `machineid` STRING,
  `epoch` STRING,
  `seq` BIGINT,
  `number` BIGINT,
  `time` STRING,
  `clockstepped` BOOLEAN,
  `begins` STRUCT<`reason`: STRING, `detail`: STRING>,
  `source` STRUCT<`name`: STRING, `inode`: DECIMAL(20, 0), `size`: BIGINT, `lines`: BIGINT, `sha256`: STRING, `merkleroot`: STRING, `hmac`: STRING, `finalnewline`: BOOLEAN, `first`: STRING, `last`: STRING, `rotated`: STRING>,
  `content` STRUCT<`size`: BIGINT, `lines`: BIGINT, `sha256`: STRING, `merkleroot`: STRING>,
  `redaction` STRING,
  `counts` STRUCT<`levels`: MAP<STRING, BIGINT>, `stages`: MAP<STRING, BIGINT>>,
  `objects` ARRAY<STRUCT<`key`: STRING, `size`: BIGINT, `sha256`: STRING, `rows`: BIGINT>>,
  `gaps` ARRAY<STRUCT<`from`: STRING, `to`: STRING, `reason`: STRING, `bytes`: BIGINT, `file`: STRING, `detail`: STRING>>,
  `heartbeat` STRUCT<`every`: BIGINT, `waiting`: BIGINT, `open`: STRUCT<`name`: STRING, `seq`: BIGINT, `inode`: DECIMAL(20, 0), `size`: BIGINT, `lines`: BIGINT, `sha256`: STRING, `hmac`: STRING>, `server`: STRUCT<`started`: STRING, `eventsbefore`: BIGINT, `eventsafter`: BIGINT, `errors`: BIGINT>, `input`: STRUCT<`state`: STRING, `since`: STRING, `events`: BIGINT>>,
  `key` STRUCT<`vkey`: STRING, `handover`: STRUCT<`from`: STRING, `signature`: STRING>>,
  `setup` STRUCT<`sidecar`: STRING, `server`: STRING, `flags`: MAP<STRING, STRING>, `policy`: STRUCT<`sha256`: STRING, `text`: STRING>, `redaction`: STRUCT<`sha256`: STRING, `text`: STRING>>,
  `checkpoint` STRING,
  `cluster` STRING,
  `node` STRING
)
USING JSON
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
USING PARQUET
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

-- Makes new days, clusters and nodes known: run it daily, soon after midnight
-- UTC, or before you ask about today.
MSCK REPAIR TABLE audit.audit_events;
MSCK REPAIR TABLE audit.audit_records;
MSCK REPAIR TABLE audit.audit_rollups;
