// Run by hack/bench: node duckdb.mjs copy INPUT OUT plain|sorted
//                    node duckdb.mjs queries FILE...
// Prints one line of JSON.
import { DuckDBInstance } from '@duckdb/node-api';
import { readFileSync } from 'node:fs';

const [verb, ...args] = process.argv.slice(2);
const db = await (await DuckDBInstance.create(':memory:')).connect();
await db.run('SET threads=1');
await db.run('SET enable_external_file_cache=false').catch(() => {});

const columns = `{level:'VARCHAR', stage:'VARCHAR', verb:'VARCHAR', auditID:'VARCHAR', requestURI:'VARCHAR', userAgent:'VARCHAR',
  "user":'STRUCT(username VARCHAR, uid VARCHAR, "groups" VARCHAR[], extra MAP(VARCHAR, VARCHAR[]))',
  impersonatedUser:'STRUCT(username VARCHAR, uid VARCHAR, "groups" VARCHAR[], extra MAP(VARCHAR, VARCHAR[]))',
  authenticationMetadata:'STRUCT(impersonationConstraint VARCHAR)', sourceIPs:'VARCHAR[]',
  objectRef:'STRUCT(resource VARCHAR, namespace VARCHAR, name VARCHAR, uid VARCHAR, apiGroup VARCHAR, apiVersion VARCHAR, resourceVersion VARCHAR, subresource VARCHAR)',
  responseStatus:'STRUCT(status VARCHAR, reason VARCHAR, message VARCHAR, details JSON, code INTEGER)',
  requestObject:'JSON', responseObject:'JSON', requestReceivedTimestamp:'TIMESTAMP', stageTimestamp:'TIMESTAMP', annotations:'MAP(VARCHAR, VARCHAR)'}`;

const select = (input) => `SELECT level, stage, verb, auditID AS audit_id, requestURI AS request_uri, userAgent AS user_agent,
  "user".username AS user_name, "user".uid AS user_uid, "user"."groups" AS user_groups, "user".extra AS user_extra,
  impersonatedUser.username AS impersonated_user_name, impersonatedUser.uid AS impersonated_user_uid,
  impersonatedUser."groups" AS impersonated_user_groups, impersonatedUser.extra AS impersonated_user_extra,
  authenticationMetadata.impersonationConstraint AS impersonation_constraint, sourceIPs AS source_ips,
  objectRef.resource AS object_resource, objectRef.namespace AS object_namespace, objectRef.name AS object_name, objectRef.uid AS object_uid,
  objectRef.apiGroup AS object_api_group, objectRef.apiVersion AS object_api_version, objectRef.resourceVersion AS object_resource_version,
  objectRef.subresource AS object_subresource, responseStatus.code AS response_code, responseStatus.status AS response_status,
  responseStatus.reason AS response_reason, responseStatus.message AS response_message, responseStatus.details AS response_details,
  requestObject AS request_object, responseObject AS response_object, requestReceivedTimestamp AS request_received_timestamp,
  stageTimestamp AS stage_timestamp, annotations
  FROM read_json('${input}', format='newline_delimited', maximum_object_size=134217728, columns=${columns})`;

const all = async (sql) => (await db.runAndReadAll(sql)).getRowObjects();

async function copy(input, out, order) {
  const sort = order === 'sorted' ? ' ORDER BY object_resource, object_namespace, object_name, stage_timestamp' : '';
  const before = process.cpuUsage();
  await db.run(`COPY (${select(input)}${sort}) TO '${out}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`);
  const used = process.cpuUsage(before);
  return { cpu: (used.user + used.system) / 1e6 };
}

// Timestamps are UTC in both files, with and without a time zone in their type.
const text = (v) => (v === null ? null : typeof v.micros === 'bigint' ? String(v.micros) : String(v));
const readBytes = () => Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))[1]);

// sample takes what the queries ask for from the file itself, so that the same
// questions go to every file.
async function sample(file) {
  const f = `read_parquet('${file}')`;
  const one = async (sql) => Object.values((await all(sql))[0] ?? { x: '' })[0];
  return {
    user: await one(`SELECT user_name FROM ${f} GROUP BY 1 ORDER BY count(*), user_name LIMIT 1`),
    namespace: await one(`SELECT object_namespace FROM ${f} WHERE object_resource = 'secrets' AND object_namespace IS NOT NULL GROUP BY 1 ORDER BY count(*), 1 LIMIT 1`),
    from: await one(`SELECT (min(stage_timestamp) + (max(stage_timestamp) - min(stage_timestamp)) * 0.4)::VARCHAR FROM ${f}`),
    to: await one(`SELECT (min(stage_timestamp) + (max(stage_timestamp) - min(stage_timestamp)) * 0.5)::VARCHAR FROM ${f}`),
    id: await one(`SELECT max(audit_id) FROM ${f} WHERE object_resource = 'pods'`),
    ip: await one(`SELECT ip FROM (SELECT unnest(source_ips) AS ip FROM ${f}) GROUP BY 1 ORDER BY count(*), 1 LIMIT 1`),
  };
}

const questions = (s) => ({
  'by user': `SELECT count(*), max(stage_timestamp) FROM F WHERE user_name = '${s.user}'`,
  'secrets in a namespace': `SELECT user_name, verb, count(*) FROM F WHERE object_resource = 'secrets' AND object_namespace = '${s.namespace}' GROUP BY ALL`,
  '401 to 403': `SELECT user_name, response_code, count(*) FROM F WHERE response_code BETWEEN 401 AND 403 GROUP BY ALL`,
  'pod deletions in a time window': `SELECT user_name, object_namespace, object_name FROM F WHERE object_resource = 'pods' AND verb = 'delete' AND stage_timestamp BETWEEN '${s.from}' AND '${s.to}'`,
  'by audit_id': `SELECT stage, verb, request_uri FROM F WHERE audit_id = '${s.id}'`,
  'absent audit_id': `SELECT stage, verb, request_uri FROM F WHERE audit_id = '7fffffff-ffff-4fff-8fff-ffffffffffff'`,
  'count by user and verb': `SELECT user_name, verb, count(*) FROM F GROUP BY ALL`,
  'by source IP': `SELECT user_name, verb, count(*) FROM F WHERE list_contains(source_ips, '${s.ip}') GROUP BY ALL`,
});

async function queries(files) {
  const asked = questions(await sample(files[0]));
  const result = {};
  for (const [name, sql] of Object.entries(asked)) {
    result[name] = [];
    let rows;
    for (const file of files) {
      const query = sql.replace('FROM F', `FROM read_parquet('${file}')`);
      const before = readBytes();
      const answer = JSON.stringify((await all(query)).map((r) => JSON.stringify(Object.values(r).map(text))).sort());
      result[name].push(readBytes() - before);
      rows ??= answer;
      if (rows !== answer) throw new Error(`${name}: the files answer differently`);
    }
  }
  return result;
}

console.log(JSON.stringify(verb === 'copy' ? await copy(...args) : await queries(args)));
