"""An S3 server over a directory, on loopback, that counts the bytes it sends.

It knows what readers ask for: objects, ranges of them, their sizes, lists. It checks no signature,
and takes nothing but marks of folders, which it keeps in memory.
"""

import http.server
import os
import re
import threading
import urllib.parse
from xml.sax.saxutils import escape

BUCKET, PREFIX = "audit-archive", "audit-logs"


class Store(http.server.ThreadingHTTPServer):
    """The archive in a directory, as s3://audit-archive/audit-logs."""

    daemon_threads = True

    def __init__(self, directory):
        super().__init__(("127.0.0.1", 0), Handler)
        self.directory = directory
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        self.lock = threading.Lock()
        self.marks = set()
        self.reset()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def reset(self):
        """Begins to count again."""
        with self.lock:
            self.rows, self.others = 0, 0

    def sent(self, key, size):
        """Counts bytes of an object, or of a list."""
        with self.lock:
            if key and key.split("/")[1] in ("data", "open"):
                self.rows += size
            else:
                self.others += size

    def keys(self, prefix):
        found = [(mark, 0) for mark in self.marks if mark.startswith(prefix)]
        for folder, _, names in os.walk(self.directory):
            for name in names:
                path = os.path.join(folder, name)
                key = PREFIX + "/" + os.path.relpath(path, self.directory).replace(os.sep, "/")
                if key.startswith(prefix):
                    found.append((key, os.path.getsize(path)))
        return sorted(found)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        bucket, _, key = urllib.parse.unquote(url.path).lstrip("/").partition("/")
        if bucket != BUCKET:
            self.answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        elif key:
            self.object(key)
        else:
            self.list({k: v[0] for k, v in urllib.parse.parse_qs(url.query, keep_blank_values=True).items()})

    def do_PUT(self):
        """Takes the mark of an empty folder, as Hive's metastore makes it for a table, and no object."""
        size = int(self.headers.get("Content-Length", 0))
        self.rfile.read(size)
        refused = int(self.headers.get("x-amz-decoded-content-length", size)) > 0 or not self.path.partition("?")[0].endswith("/")
        if not refused:
            self.server.marks.add(self.path.partition("?")[0].removeprefix(f"/{BUCKET}/"))
        self.answer(403 if refused else 200, b"<Error><Code>AccessDenied</Code></Error>" if refused else b"", {"ETag": '"d41d8cd98f00b204e9800998ecf8427e"'})

    def object(self, key):
        if key in self.server.marks:
            self.answer(200, b"", {"ETag": '"d41d8cd98f00b204e9800998ecf8427e"', "Last-Modified": self.date_time_string()})
            return
        path = os.path.join(self.server.directory, *key.split("/")[1:])
        if not key.startswith(PREFIX + "/") or not os.path.isfile(path):
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        size = os.path.getsize(path)
        first, last, status = 0, size - 1, 200
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if wanted:
            status = 206
            if wanted[1]:
                first, last = int(wanted[1]), min(last, int(wanted[2] or last))
            else:
                first = max(0, size - int(wanted[2]))
        headers = {"Last-Modified": self.date_time_string(os.path.getmtime(path)), "ETag": f'"{size}"', "Accept-Ranges": "bytes"}
        if wanted:
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        with open(path, "rb") as f:
            f.seek(first)
            self.answer(status, f, headers, last + 1 - first, key)

    def list(self, ask):
        if "location" in ask:
            self.answer(200, b"<LocationConstraint>us-east-1</LocationConstraint>")
            return
        prefix, delimiter = ask.get("prefix", ""), ask.get("delimiter", "")
        after = ask.get("continuation-token") or ask.get("start-after", "")
        most = int(ask.get("max-keys") or 1000)
        items, folders, last = [], set(), ""
        for key, size in self.server.keys(prefix):
            head, found, _ = key[len(prefix):].partition(delimiter) if delimiter else ("", "", "")
            name = prefix + head + delimiter if found else key
            if name <= after or name in folders:
                continue
            if len(items) == most:
                break
            if found:
                folders.add(name)
                items.append(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>")
            else:
                items.append(f"<Contents><Key>{escape(key)}</Key><LastModified>2026-11-23T00:00:00.000Z</LastModified>"
                             f'<ETag>"{size}"</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>')
            last = name
        else:
            last = ""
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{escape(last)}</NextContinuationToken>" if last else "<IsTruncated>false</IsTruncated>"
        self.answer(200, (f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>{BUCKET}</Name>'
                          f"<Prefix>{escape(prefix)}</Prefix><KeyCount>{len(items)}</KeyCount><MaxKeys>{most}</MaxKeys>{more}{''.join(items)}</ListBucketResult>").encode())

    def answer(self, status, body, headers=None, size=None, key=""):
        size = len(body) if size is None else size
        self.send_response(status)
        for name, value in {"Content-Type": "application/octet-stream" if key else "application/xml", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if self.command == "HEAD":
            self.server.sent(key, 0)
            return
        done = 0
        try:
            while done < size:
                part = body[done:] if isinstance(body, bytes) else body.read(min(1 << 16, size - done))
                self.wfile.write(part)
                done += len(part)
        except ConnectionError:
            self.close_connection = True  # the reader has enough
        self.server.sent(key, done)
