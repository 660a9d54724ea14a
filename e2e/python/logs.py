"""Makes the logs that ./engines archives.

    python3 logs.py CORPUS DIRECTORY

A real day of two nodes, with a line of each form that the queries ask about, a hole and a file that
gets no record; and some days of one node for the search of needles, with audit IDs of their own.
It writes DIRECTORY/logs.json: [[LOG, NODE, DAY], ...], and DIRECTORY/needles.json.
"""

import json
import os
import re
import sys

DAYS = 16
NEEDLES = {"user_name": "needle@example.com", "object_name": "needle-7c9f", "audit_id": "0b5ad1a4-5c1e-4c55-8c6e-4e7c0ffee123"}


def first(lines, *parts):
    """The first line that has all the parts."""
    return next(line for line in lines if all(p in line for p in parts))


def day(corpus):
    """The files of the real day by node."""
    diverse = open(os.path.join(corpus, "diverse.log"), "rb").read()
    rotated = open(os.path.join(corpus, "rotated.log"), "rb").read()
    lines = diverse.splitlines(keepends=True)
    binding = first(lines, b'"verb":"create"', b'"resource":"clusterrolebindings"')
    node = first(lines, b'"username":"system:node:node-01"', b'"sourceIPs":["127.0.0.1"]')
    more = binding.replace(b"clusterrolebindings", b"certificatesigningrequests") + node.replace(b'["127.0.0.1"]', b'["192.0.2.7"]')
    forged = 3 * first(rotated.splitlines(keepends=True), b'"verb":"get"').replace(b"2026-11-22", b"2026-11-24")
    yield "cp-1", "2026-11-22", diverse + more + 4096 * b"\0" + b"\n"
    yield "cp-2", "2026-11-22", rotated
    yield "cp-3", "2026-11-24", forged


def haystack(corpus, number):
    """The file of one of the days: three lines of the middle one are the needles."""
    date = f"2026-10-{number + 1:02d}".encode()
    log = open(os.path.join(corpus, "rotated.log"), "rb").read()
    log = re.sub(rb'Timestamp":"\d{4}-\d\d-\d\d', b'Timestamp":"' + date, log)
    log = re.sub(rb'"auditID":"[0-9a-f]{4}', b'"auditID":"%04x' % number, log)
    if number == DAYS // 2:
        lines = log.splitlines(keepends=True)
        at = [i for i, line in enumerate(lines) if b'"verb":"get"' in line and b'"resource":"configmaps"' in line and b'"name":"' in line and b'"user":{"username":"' in line]
        for i, (pattern, column) in zip((at[len(at) // 2], at[len(at) // 3], at[len(at) // 4]), ((rb'"auditID":"[^"]*"', "audit_id"), (rb'"name":"[^"]*"', "object_name"), (rb'"user":{"username":"[^"]*"', "user_name"))):
            name, _, _ = pattern.rpartition(b'"[^"]*"')
            lines[i] = re.sub(pattern, name + b'"' + NEEDLES[column].encode() + b'"', lines[i], count=1)
        log = b"".join(lines)
    return log


def main(corpus, directory):
    made = []

    def write(node, date, clock, content):
        path = os.path.join(directory, node, f"audit-{date}T{clock}-00.000.log")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content)
        return path

    for node, date, content in day(corpus):
        made.append((write(node, date, "17-30", content), node, date))
    for number in range(DAYS):
        write("needles", f"2026-10-{number + 1:02d}", "23-55", haystack(corpus, number))
    json.dump(made, open(os.path.join(directory, "logs.json"), "w"))
    json.dump(NEEDLES, open(os.path.join(directory, "needles.json"), "w"))


if __name__ == "__main__":
    main(*sys.argv[1:])
