// hyparquet opens what `auditsidecar convert` wrote (FILE.parquet beside FILE)
// and must see, cell by cell, what JSON.parse finds in the original line.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { columns, jsonColumns, parse, splitLines, unknown } from '../duckdb/audit.mjs';

const parsers = { timestampFromMicroseconds: (micros) => micros };

/** hyparquet gives a MAP as an object: as [key, value] pairs, null where it is missing. */
const pairs = (v) => (v === null || v === undefined ? null : Object.entries(v));
const maps = ['user_extra', 'impersonated_user_extra', 'annotations'];

function cell(row, name) {
  const v = row[name] === undefined ? null : row[name];
  return maps.includes(name) ? pairs(v) : v;
}

async function compare(log) {
  const file = await asyncBufferFromFile(log + '.parquet');
  const rows = await parquetReadObjects({ file, compressors, parsers, utf8: false });
  const lines = splitLines(readFileSync(log));
  const seen = new Set();
  let cells = 0;
  for (const row of rows) {
    if (row.line_part > 0) continue;
    const n = Number(row.source_line);
    assert(!seen.has(n), `line ${n} twice`);
    seen.add(n);
    const line = lines[n - 1];
    if (row.raw !== null && row.raw !== undefined) assert.deepEqual(Buffer.from(row.raw), line, `raw of line ${n}`);
    const event = row.decode_status === 'ok' && parse(line);
    if (!event) {
      assert(row.raw, `line ${n} is no event and has no raw`);
      continue;
    }
    if (!row.raw) {
      assert.deepEqual(JSON.parse(cell(row, 'unknown_fields')), unknown(event), `unknown_fields of line ${n}`);
      cells++;
    }
    for (const [name, want] of Object.entries(columns(event))) {
      let got = cell(row, name);
      if (jsonColumns.includes(name) && got !== null) got = JSON.parse(got);
      assert.deepEqual(got, want, `${name} of line ${n}`);
      cells++;
    }
  }
  assert.equal(seen.size, lines.length, 'number of lines');
  console.log(`${log.replace(/.*\//, '')}: ${rows.length} rows, ${cells} cells agree`);
}

for (const log of process.argv.slice(2)) await compare(log);
