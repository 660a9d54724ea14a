// DuckDB opens what `auditsidecar convert` wrote and must see, cell by cell,
// what this suite's own parse of the original log says. Run by `make e2e-duckdb`.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { columns, jsonColumns, parse, splitLines, unknown } from './audit.mjs';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
const binary = process.env.E2E_BINARY ?? path.join(root, 'bin/auditsidecar');
const gzip = path.join(root, 'internal/audittest/testdata/audit-2026-11-22T17-12-15.746.log.gz');
const dir = mkdtempSync(path.join(tmpdir(), 'auditsidecar-duckdb-'));
const names = ['diverse.log', 'rotated.log', 'torn-line.log', 'nul-hole.log', 'enospc.log', 'new-field.log'];
let db;

before(async () => {
  execFileSync('go', ['run', './hack/corpus', path.join(dir, 'corpus')], { cwd: root });
  // Every line has a field that no column knows.
  const diverse = readFileSync(path.join(dir, 'corpus', 'diverse.log'), 'latin1');
  writeFileSync(path.join(dir, 'corpus', 'new-field.log'), diverse.replaceAll(',"user":{', ',"tenant":"team-a","user":{'), 'latin1');
  db = await (await DuckDBInstance.create(':memory:')).connect();
});
after(() => rmSync(dir, { recursive: true, force: true }));

const literal = (text) => `'${text.replaceAll("'", "''")}'`;
const run = (...args) => execFileSync(binary, args, { maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] });

/** Plain JavaScript for a DuckDB value: lists as arrays, maps as [key, value] pairs. */
function plain(v) {
  if (v === null || v === undefined) return null;
  if (v.items) return v.items.map(plain);
  if (v.entries && Array.isArray(v.entries)) return v.entries.map((e) => [plain(e.key), plain(e.value)]);
  if (typeof v.micros === 'bigint') return v.micros;
  if (v.bytes) return Buffer.from(v.bytes);
  return v;
}

async function query(sql) {
  const reader = await db.runAndReadAll(sql);
  return reader.getRowObjects().map((row) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, plain(v)])));
}

const count = async (sql) => Number((await query(sql))[0].n);

/** Converts a log into one object and returns what the tests compare. */
function convert(file) {
  const object = path.join(dir, path.basename(file) + '.parquet');
  run('convert', file, '--out', object, '--cluster', 'e2e', '--node', 'cp1');
  const content = file.endsWith('.gz') ? gunzipSync(readFileSync(file)) : readFileSync(file);
  return { object, content, lines: splitLines(content), from: `read_parquet(${literal(object)})` };
}

/** Compares the decoded columns of one row with one line. */
function compareEvent(row, line, where) {
  const text = line.toString('utf8');
  const want = columns(parse(line));
  const got = Object.fromEntries(Object.keys(want).map((k) => [k, row[k]]));
  for (const k of jsonColumns) {
    if (got[k] === null) continue;
    assert.ok(text.includes(got[k]), `${where}: ${k} is not the text of the line`);
    got[k] = JSON.parse(got[k]);
  }
  assert.deepEqual(got, want, where);
}

/** Compares every row of an object with the lines; returns how many rows had which form. */
function compareRows(rows, lines) {
  const seen = { columns: 0, raw: 0, notOK: 0 };
  const part0 = rows.filter((r) => r.line_part === 0n || r.line_part === 0);
  assert.equal(part0.length, lines.length, 'rows with line_part 0');
  part0.sort((a, b) => Number(a.source_line - b.source_line));
  part0.forEach((row, i) => {
    const where = `line ${i + 1}`;
    assert.equal(Number(row.source_line), i + 1, where);
    if (row.raw === null) {
      seen.columns++;
      assert.deepEqual(JSON.parse(row.unknown_fields), unknown(parse(lines[i])), `${where}: unknown_fields`);
    } else {
      seen.raw++;
      assert.ok(row.raw.equals(lines[i]), `${where}: raw is not the line`);
    }
    if (parse(lines[i])) {
      assert.equal(row.decode_status, 'ok', where);
      compareEvent(row, lines[i], where);
    } else {
      seen.notOK++;
      assert.match(row.decode_status, /^(salvaged|undecodable)$/, where);
      assert.notEqual(row.raw, null, `${where}: a broken line without raw`);
      if (row.decode_status === 'undecodable') assert.equal(row.verb, null, where);
    }
  });
  return seen;
}

for (const name of [...names, gzip]) {
  describe(path.basename(name), () => {
    let it;
    before(() => { it = convert(path.isAbsolute(name) ? name : path.join(dir, 'corpus', name)); });

    test('restores byte for byte', () => {
      assert.ok(run('restore', it.object).equals(it.content));
    });

    test('every cell is what the log says', async (t) => {
      const seen = compareRows(await query(`SELECT * FROM ${it.from}`), it.lines);
      t.diagnostic(`${it.lines.length} lines: ${seen.columns} from columns alone, ${seen.raw} with raw, ${seen.notOK} broken`);
    });

    test('whole events inside broken lines are rows of their own', async () => {
      const rows = await query(`SELECT * FROM ${it.from} WHERE decode_status = 'salvaged'`);
      const expected = it.lines.flatMap((line, i) => (parse(line) ? [] : salvageable(line, i + 1)));
      const found = rows.map((r) => `${r.source_line}.${r.line_part} ${r.audit_id} ${r.verb} ${r.user_name} ${r.stage_timestamp}`);
      assert.deepEqual(found.sort(), expected.sort());
    });

    test('equality finds every row', async () => {
      const events = it.lines.map(parse).filter(Boolean);
      for (const [column, value] of [
        ['user_name', (e) => e.user?.username], ['audit_id', (e) => e.auditID],
        ['object_namespace', (e) => e.objectRef?.namespace], ['object_name', (e) => e.objectRef?.name],
      ]) {
        const counts = new Map();
        for (const e of events) if (value(e) !== undefined) counts.set(value(e), (counts.get(value(e)) ?? 0) + 1);
        const all = [...counts.keys()];
        // A spread of the values: each one is a scan of its own.
        for (const v of all.filter((_, i) => i % Math.ceil(all.length / 60) === 0)) {
          const n = await count(`SELECT count(*) AS n FROM ${it.from} WHERE decode_status = 'ok' AND ${column} = ${literal(v)}`);
          assert.equal(n, counts.get(v), `${column} = ${v}`);
        }
        const none = await count(`SELECT count(*) AS n FROM ${it.from} WHERE ${column} = 'no such value'`);
        assert.equal(none, 0, column);
      }
    });
  });
}

/** Rows that salvage must find in a broken line: whole events, in order. */
function salvageable(line, number) {
  const text = line.toString('utf8');
  const events = [];
  const start = '{"kind":"Event","apiVersion":"audit.k8s.io/v1"';
  for (let at = text.indexOf(start); at >= 0; at = text.indexOf(start, at + 1)) {
    const next = text.indexOf(start, at + 1);
    const event = parse(Buffer.from(next < 0 ? text.slice(at) : text.slice(at, next)));
    if (event) events.push(event);
  }
  return events.map((e, part) => {
    const c = columns(e);
    return `${number}.${part} ${c.audit_id} ${c.verb} ${c.user_name} ${c.stage_timestamp}`;
  });
}

test('a directory of objects is a table partitioned by day', async () => {
  const out = path.join(dir, 'archive');
  const logs = names.map((n) => path.join(dir, 'corpus', n));
  run('convert', ...logs, '--out', out, '--cluster', 'e2e', '--node', 'cp1');
  const table = `read_parquet(${literal(path.join(out, '**/*.parquet'))}, hive_partitioning = true)`;
  const lines = logs.reduce((n, log) => n + splitLines(readFileSync(log)).length, 0);
  assert.equal(await count(`SELECT count(*) AS n FROM ${table} WHERE line_part = 0`), lines);
  const wrong = await count(`SELECT count(*) AS n FROM ${table}
    WHERE stage_timestamp IS NOT NULL AND strftime(stage_timestamp AT TIME ZONE 'UTC', '%Y-%m-%d') <> dt::VARCHAR`);
  assert.equal(wrong, 0, 'rows in the wrong day');
  assert.equal(await count(`SELECT count(DISTINCT (epoch, seq, source_line, line_part)) AS n FROM ${table}`),
    await count(`SELECT count(*) AS n FROM ${table}`), 'identities');
  const days = readdirSync(out, { recursive: true }).filter((p) => /(^|\/)dt=[^/]+$/.test(p));
  assert.ok(days.length > 0, 'no dt= directory');
});
