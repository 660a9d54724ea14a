"""pyiceberg reads the table that auditsidecar-iceberg made in a SQL catalog, and gives every cell that
pyarrow reads from the objects of the archive, with cluster and dt of their keys; a filter gives the
rows of that day alone.

    python3 iceberg.py sqlite:////srv/catalog.db /srv/archive
"""

import glob
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import load_catalog

ORDER = [("cluster", "ascending"), ("node", "ascending"), ("epoch", "ascending"), ("seq", "ascending"),
         ("source_line", "ascending"), ("line_part", "ascending")]


def objects(archive):
    tables = []
    for path in sorted(glob.glob(os.path.join(archive, "data", "cluster=*", "dt=*", "*.parquet"))):
        cluster, day = (part.split("=", 1)[1] for part in path.split(os.sep)[-3:-1])
        rows = pq.ParquetFile(path).read()
        rows = rows.append_column("cluster", pa.array([cluster] * len(rows), pa.string()))
        tables.append(rows.append_column("dt", pa.array([day] * len(rows), pa.string())))
    return pa.concat_tables(tables)


def compare(got, want):
    if len(got) != len(want):
        raise SystemExit(f"{len(got)} rows, the archive has {len(want)}")
    got, want = got.sort_by(ORDER), want.sort_by(ORDER)
    cells = 0
    for name in want.column_names:
        a, b = got.column(name).to_pylist(), want.column(name).to_pylist()
        for i, (x, y) in enumerate(zip(a, b)):
            if x != y:
                raise SystemExit(f"{name} of row {i}: {x!r}, the archive has {y!r}")
        cells += len(a)
    return cells


def main(uri, archive):
    table = load_catalog("default", type="sql", uri=uri).load_table("audit.audit_events")
    want = objects(archive)
    cells = compare(table.scan().to_arrow(), want)
    for day in sorted(set(want.column("dt").to_pylist())):
        part = want.filter(pa.compute.equal(want.column("dt"), day))
        compare(table.scan(row_filter=f"cluster = 'prod' AND dt = '{day}'").to_arrow(), part)
    # a time bound leaves files out: as many rows as the archive has
    times = sorted(t for t in want.column("stage_timestamp").to_pylist() if t is not None)
    middle = times[len(times) // 2]
    after = table.scan(row_filter=f"stage_timestamp >= '{middle.isoformat()}'").to_arrow()
    if len(after) != sum(t >= middle for t in times):
        raise SystemExit(f"{len(after)} rows from {middle} on")
    print(f"pyiceberg: {len(want)} rows, {cells} cells agree")


if __name__ == "__main__":
    import pyarrow.compute  # noqa: F401, for pa.compute

    main(*sys.argv[1:])
