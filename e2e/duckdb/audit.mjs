// What an audit log says, by this file's own reading of the JSON: the columns
// of docs/INVARIANTS.md computed without any code of auditsidecar.

const orNull = (v) => (v === undefined ? null : v);
const pairs = (v) => (v === undefined ? null : Object.entries(v));

/** Microseconds since 1970 of an RFC 3339 UTC time, as BigInt, or null. */
export function micros(text) {
  if (text === undefined || text === null) return null;
  const m = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text);
  if (!m) throw new Error(`not a UTC time: ${text}`);
  const fraction = BigInt((m[2] ?? '').padEnd(6, '0').slice(0, 6));
  return BigInt(Date.parse(m[1] + 'Z')) * 1000n + fraction;
}

function userColumns(prefix, user) {
  return {
    [`${prefix}_name`]: orNull(user?.username),
    [`${prefix}_uid`]: orNull(user?.uid),
    [`${prefix}_groups`]: orNull(user?.groups),
    [`${prefix}_extra`]: pairs(user?.extra),
  };
}

/**
 * The columns that one event must have. JSON texts are given parsed; maps as
 * a list of [key, value]; absent values as null.
 */
export function columns(event) {
  const ref = event.objectRef ?? {};
  const status = event.responseStatus ?? {};
  return {
    level: orNull(event.level),
    audit_id: orNull(event.auditID),
    stage: orNull(event.stage),
    request_uri: orNull(event.requestURI),
    verb: orNull(event.verb),
    ...userColumns('user', event.user),
    ...userColumns('impersonated_user', event.impersonatedUser),
    impersonation_constraint: orNull(event.authenticationMetadata?.impersonationConstraint),
    source_ips: orNull(event.sourceIPs),
    user_agent: orNull(event.userAgent),
    object_resource: orNull(ref.resource),
    object_namespace: orNull(ref.namespace),
    object_name: orNull(ref.name),
    object_uid: orNull(ref.uid),
    object_api_group: orNull(ref.apiGroup),
    object_api_version: orNull(ref.apiVersion),
    object_resource_version: orNull(ref.resourceVersion),
    object_subresource: orNull(ref.subresource),
    response_code: orNull(status.code),
    response_status: orNull(status.status),
    response_reason: orNull(status.reason),
    response_message: orNull(status.message),
    response_details: orNull(status.details),
    request_object: orNull(event.requestObject),
    response_object: orNull(event.responseObject),
    request_received_timestamp: micros(event.requestReceivedTimestamp),
    stage_timestamp: micros(event.stageTimestamp),
    annotations: pairs(event.annotations),
  };
}

/**
 * What the column of unknown fields must have, parsed: the one field that the
 * suites add, with the place where they do.
 */
export const unknown = (event) => (event.tenant === undefined ? null : { verb: null, tenant: event.tenant });

/** Columns that hold JSON text. */
export const jsonColumns = ['response_details', 'request_object', 'response_object'];

/** A line as its row holds it: one byte for each run of 64 KiB of NUL bytes and more (I2 in docs/INVARIANTS.md). */
function withoutHoles(line) {
  if (!line.includes(0)) return line;
  return Buffer.from(line.toString('latin1').replace(/\0+/g, (run) => (run.length < 65536 ? run : '\0')), 'latin1');
}

/** Splits a log into lines as Buffers, without their newlines and without long runs of NUL bytes. */
export function splitLines(content) {
  const lines = [];
  let from = 0;
  for (let at; (at = content.indexOf(10, from)) >= 0; from = at + 1) lines.push(content.subarray(from, at));
  if (from < content.length) lines.push(content.subarray(from));
  return lines.map(withoutHoles);
}

/** The event of a line, or undefined where the line is not one JSON object. */
export function parse(line) {
  try {
    const event = JSON.parse(line.toString('utf8'));
    return event && event.kind === 'Event' ? event : undefined;
  } catch {
    return undefined;
  }
}
