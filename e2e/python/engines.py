"""What engines see in an archive, compared: cells with the JSON of the lines, answers with DuckDB's.

    python3 engines.py DIRECTORY ENGINE [ENGINE ...]

The directory is made by ./engines. Each engine reads the archive from the S3 server of store.py by
the statements of docs/engines.md or of `auditsidecar ddl`, answers the queries of manifests/queries
and finds three needles in a larger archive. It prints a row for each engine.
"""

import base64
import datetime
import json
import os
import re
import sys
import traceback

import readers
from store import Store

HERE = os.path.dirname(os.path.abspath(__file__))
JSON_TEXT = ("response_details", "request_object", "response_object")
LISTS = ("user_groups", "impersonated_user_groups", "source_ips")
MAPS = ("user_extra", "impersonated_user_extra", "annotations")


def micros(text):
    """Microseconds since 1970 of a time in UTC, as in the lines."""
    if text is None:
        return None
    second, _, fraction = text.removesuffix("Z").partition(".")
    at = datetime.datetime.fromisoformat(second + "+00:00")
    return int(at.timestamp()) * 1_000_000 + int((fraction + "000000")[:6])


def columns(event):
    """The cells of an event, JSON text parsed."""
    ref, status = event.get("objectRef") or {}, event.get("responseStatus") or {}
    row = {
        "level": event.get("level"), "stage": event.get("stage"), "verb": event.get("verb"),
        "audit_id": event.get("auditID"), "request_uri": event.get("requestURI"),
        "user_agent": event.get("userAgent"), "source_ips": event.get("sourceIPs"),
        "impersonation_constraint": (event.get("authenticationMetadata") or {}).get("impersonationConstraint"),
        "request_object": event.get("requestObject"), "response_object": event.get("responseObject"),
        "request_received_timestamp": micros(event.get("requestReceivedTimestamp")),
        "stage_timestamp": micros(event.get("stageTimestamp")), "annotations": event.get("annotations"),
    }
    for column, user in (("user", event.get("user")), ("impersonated_user", event.get("impersonatedUser"))):
        for name, key in (("name", "username"), ("uid", "uid"), ("groups", "groups"), ("extra", "extra")):
            row[f"{column}_{name}"] = (user or {}).get(key)
    for name, key in (("resource",) * 2, ("namespace",) * 2, ("name",) * 2, ("uid",) * 2, ("api_group", "apiGroup"),
                      ("api_version", "apiVersion"), ("resource_version", "resourceVersion"), ("subresource",) * 2):
        row[f"object_{name}"] = ref.get(key)
    for key in ("code", "status", "reason", "message", "details"):
        row[f"response_{key}"] = status.get(key)
    return row


def expected(log, node, day):
    """The cells of each line, by node and number; of a line that is not an event its bytes."""
    lines = open(log, "rb").read().split(b"\n")
    if not lines[-1]:
        lines.pop()
    rows = {}
    for i, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
            ok = isinstance(event, dict) and event.get("kind") == "Event"
        except ValueError:
            ok = False
        rows[node, i] = columns(event) if ok else {"raw": line}
        rows[node, i]["dt"] = day
        rows[node, i]["cluster"] = "production"
    return rows


def normal(value):
    """A value of any engine in one form."""
    if isinstance(value, datetime.datetime):
        value = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return (value - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, tuple):
        return [normal(v) for v in value]
    return value


def as_map(value):
    if isinstance(value, list):
        pairs = [(v["key"], v["value"]) if isinstance(v, dict) else v for v in value]
        return {k: list(v) if isinstance(v, (list, tuple)) else v for k, v in pairs}
    return value


def compare(engine, rows, want):
    """Raises at the first cell that differs; returns rows and cells."""
    seen, cells = set(), 0
    # ClickHouse has no missing list or map: it gives an empty one.
    empty = {"ClickHouse": lambda name, v: (None if v in ([], {}) and name in LISTS + MAPS else v)}.get(engine, lambda name, v: v)
    for row in rows:
        if row["line_part"] > 0:
            continue
        at = (row["node"], row["source_line"])
        if at in seen:
            raise AssertionError(f"{at} twice")
        seen.add(at)
        for name, value in want[at].items():
            got = normal(row[name])
            if name in MAPS:
                got = as_map(got)
            if name in JSON_TEXT and got is not None:
                got = json.loads(got)
            if name == "raw" and isinstance(got, str):
                got = base64.b64decode(got) if engine in ("Trino", "parquet-mr") else got.encode()
            if name.endswith("_timestamp") and isinstance(got, str):
                got = micros(got.replace(" ", "T").removesuffix(" UTC"))
            if empty(name, got) != empty(name, value):
                raise AssertionError(f"{name} of {at}: {got!r}, the line has {value!r}")
            cells += 1
    if seen != set(want):
        raise AssertionError(f"{len(seen)} lines, the logs have {len(want)}")
    return len(rows), cells



def told(value, name):
    """A cell of an answer as text that is the same in every engine."""
    value = normal(value)
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value):
        value = micros(value.replace(" ", "T").removesuffix(" UTC"))
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.dumps(json.loads(value), sort_keys=True)
        except ValueError:
            pass
    return None if value is None else str(value)


# Views that no query asks, and columns of records in capitals.
VIEWS = {
    **{view: f"SELECT count(*) AS n FROM audit.{view}" for view in ("audit_all", "audit_open", "audit_recorded", "audit_recorded_files", "audit_new_records")},
    "audit_ocsf": "SELECT count(*) AS n, sum(activity_id) AS a, sum(status_id) AS s, count(metadata.uid) AS u FROM audit.audit_ocsf",
    "records": "SELECT count(machineID) AS m, count(source.merkleRoot) AS s, min(source.sha256) AS h FROM audit.audit_records WHERE kind = 'file'",
}


def answer(engine, number):
    names, rows = engine.ask(VIEWS[number].replace("audit.audit", engine.database + ".audit")) if number in VIEWS else engine.query(number)
    return [names, [[told(value, name) for name, value in zip(names, row)] for row in rows]]


class Table:
    """The table of all engines."""

    def __init__(self, directory):
        self.directory = directory
        self.store = Store(os.path.join(directory, "archive"))
        self.needles = json.load(open(os.path.join(directory, "needles.json")))
        self.want, self.logs, self.read = {}, {}, {}
        for log, node, day in json.load(open(os.path.join(directory, "logs.json"))):
            self.logs[node] = log
            self.want.update(expected(log, node, day))
        self.queries = [q["Number"] for q in json.loads(readers.auditsidecar("query", "-o", "json"))]

    def answers(self, engine):
        """How many queries the engine answers as DuckDB does, and what it answers otherwise."""
        path = os.path.join(self.directory, "answers.json")
        first = not os.path.exists(path)
        known = {} if first else json.load(open(path))
        equal, wrong = 0, []
        for number in [*self.queries, *(VIEWS if engine.created > 10 else ())]:
            try:
                got = answer(engine, number)
                known.setdefault(number, got)
                if got != known[number]:
                    wrong.append((number, "another answer: " + difference(got, known[number])))
                elif first and (not got[1] or "0" in got[1][0][:2] and number in VIEWS):
                    wrong.append((number, f"it shows nothing: {got[1]}"))
                else:
                    equal += number in self.queries
            except Exception as e:  # noqa: BLE001, a query that fails is a cell of the table
                wrong.append((number, " ".join(str(e).split())[:160]))
        if first:
            json.dump(known, open(path, "w"))
        return f"{equal}/{len(self.queries)}", wrong

    def bytes(self, engine):
        """The bytes of the objects that each needle costs; beside them lists, records and rollups."""
        cells = []
        for column, value in self.needles.items():
            self.store.reset()
            engine.again()
            found = engine.needle(column, value)
            if found != 1:
                raise AssertionError(f"{found} events have the {column} {value}")
            cells.append((column, self.store.rows, self.store.others))
        return cells

    def row(self, name):
        """Prints a row of the table, and below it the queries with other answers; says whether all is well."""
        kind = readers.ENGINES[re.sub(r"-[\d.]+$", "", name)]
        engine = kind(self.store)
        cells, wrong = {"engine": name, "statements": engine.created or "-"}, []
        try:
            if issubclass(kind, readers.Comparing):
                cells["reads"], cells["cells equal"] = engine.compared(self.logs)
            elif kind not in (readers.Search, readers.Query):
                cells["reads"], cells["cells equal"] = compare(name, engine.rows(), self.want)
            if kind.dialect:
                cells["queries"], wrong = self.answers(engine)
            if kind is readers.Spark:
                engine.refreshed()
            if kind.finds:
                self.read[name] = self.bytes(engine)
                cells.update({column: f"{rows / 1e3:.1f}+{others / 1e3:.1f}" for column, rows, others in self.read[name]})
        finally:
            engine.close()
        print(line(cells), flush=True)
        for number, text in wrong:
            print(f"    {number}: {text}", flush=True)
        if name == "search" and "DuckDB" in self.read:
            for (column, ours, _), (_, theirs, _) in zip(self.read[name], self.read["DuckDB"]):
                if ours > theirs:
                    raise AssertionError(f"search reads {ours} bytes for the {column}, DuckDB {theirs}")
        return not {number for number, _ in wrong} - set(engine.lacks)


TITLES = {"engine": 14, "reads": 7, "cells equal": 12, "statements": 11, "queries": 8, "audit_id": 16, "object_name": 16, "user_name": 16}


def line(cells):
    return " ".join(str(cells.get(t, "-")).rjust(w) if t != "engine" else str(cells[t]).ljust(w) for t, w in TITLES.items())


def main(directory, *engines):
    if not engines:
        print("statements: of ddl or docs/engines.md, run as printed; queries: answered as DuckDB does; needles: KB of objects + of lists, records, rollups\n")
        print(line({title: title for title in TITLES}), flush=True)
        return
    table, failed = Table(directory), False
    for name in engines:
        try:
            failed = not table.row(name) or failed
        except Exception as e:  # noqa: BLE001, an engine that fails is a row of the table
            failed = True
            print(f"{name:<14} FAILED: {type(e).__name__}: {str(e)[:600]}", flush=True)
            traceback.print_exc()
    sys.exit(failed)


def difference(got, want):
    """The first difference of two answers."""
    if got[0] != want[0]:
        return f"columns {got[0]}, want {want[0]}"
    for i, (a, b) in enumerate(zip(got[1], want[1])):
        for name, x, y in zip(got[0], a, b):
            if x != y:
                return f"row {i + 1}, {name}: {x!r:.80}, want {y!r:.80}"
    return f"{len(got[1])} rows, want {len(want[1])}"


if __name__ == "__main__":
    main(*sys.argv[1:])
