-- The audit archive s3://audit-archive/audit-logs in DuckDB.
-- DuckDB needs its extension httpfs and a secret first:
--   INSTALL httpfs; LOAD httpfs; CREATE SECRET (TYPE s3, PROVIDER credential_chain);

CREATE SCHEMA IF NOT EXISTS audit;

-- All rows. Ask with cluster = and dt >=, and only those directories are read.
CREATE OR REPLACE VIEW audit.audit_events AS
SELECT * FROM read_parquet(
  's3://audit-archive/audit-logs/data/cluster=*/dt=*/*.parquet',
  hive_partitioning = true, hive_types = {'cluster': VARCHAR, 'dt': VARCHAR});

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
    "previous": 'VARCHAR',
    "time": 'VARCHAR',
    "source": 'STRUCT("name" VARCHAR, "inode" UBIGINT, "size" BIGINT, "lines" BIGINT, "sha256" VARCHAR, "merkleRoot" VARCHAR, "hmac" VARCHAR, "finalNewline" BOOLEAN, "first" VARCHAR, "last" VARCHAR, "rotated" VARCHAR)',
    "content": 'STRUCT("size" BIGINT, "lines" BIGINT, "sha256" VARCHAR, "merkleRoot" VARCHAR)',
    "redaction": 'VARCHAR',
    "counts": 'STRUCT("levels" MAP(VARCHAR, BIGINT), "stages" MAP(VARCHAR, BIGINT))',
    "objects": 'STRUCT("key" VARCHAR, "size" BIGINT, "sha256" VARCHAR, "rows" BIGINT)[]',
    "gaps": 'STRUCT("from" VARCHAR, "to" VARCHAR, "reason" VARCHAR, "bytes" BIGINT, "file" VARCHAR, "detail" VARCHAR)[]',
    "heartbeat": 'STRUCT("every" BIGINT, "waiting" BIGINT, "open" STRUCT("name" VARCHAR, "seq" BIGINT, "inode" UBIGINT, "size" BIGINT, "lines" BIGINT, "sha256" VARCHAR, "hmac" VARCHAR), "server" STRUCT("started" VARCHAR, "eventsBefore" BIGINT, "eventsAfter" BIGINT, "errors" BIGINT))',
    "key": 'STRUCT("publicKey" VARCHAR, "endorsement" STRUCT("keyID" VARCHAR, "signature" VARCHAR))',
    "keyID": 'VARCHAR',
    "signature": 'VARCHAR'
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
