"""The engines: each opens the archive that a store serves, reads all rows, and answers SQL.

`created` is how many statements of `auditsidecar ddl`, or of docs/engines.md, it ran as printed.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
URL = "s3://audit-archive/audit-logs"
DAY = "2026-10-01"  # one of the haystack's
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
SHOWN = ("stage_timestamp", "user_name", "verb", "object_resource", "object_namespace", "object_name", "response_code", "source_ips")


def auditsidecar(*args):
    run = subprocess.run([os.environ["AUDITSIDECAR"], *args], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"auditsidecar {' '.join(args)}: {run.stderr}")
    return run.stdout


def split(script):
    """The statements of a script."""
    lines = [line for line in script.splitlines(keepends=True) if not line.startswith("--")]
    return [s.strip().rstrip(";") for s in re.split(r"(?<=;)\n", "".join(lines)) if s.strip()]


def blocks(engine):
    """The code blocks of an engine's section of docs/engines.md."""
    text = open(os.path.join(ROOT, "docs", "engines.md")).read()
    section = re.search(rf"^## {engine}\n(.*?)(?=^## |\Z)", text, flags=re.M | re.S)[1]
    return [b[1] for b in re.finditer(r"^```(?:python|sql)\n(.*?)^```", section, flags=re.M | re.S)]


class Engine:
    """One engine. Those with SQL have `dialect`, the engine of `auditsidecar query` whose text they take."""

    dialect = None
    finds = True  # needles
    lacks = ()  # queries without a table
    database = "audit"
    created = 0

    def __init__(self, store):
        self.store = store
        os.environ.update(KEYS, AWS_ENDPOINT_URL=store.endpoint, AWS_ALLOW_HTTP="true", AWS_EC2_METADATA_DISABLED="true")
        self.open()

    def again(self):
        """Forgets footers that were read before."""
        self.open()

    def ddl(self, url=URL):
        for statement in split(auditsidecar("ddl", self.dialect, "--location", url, "--database", self.database, "--ocsf")):
            self.ask(statement)
            self.created += 1

    def rows(self):
        names, rows = self.ask(f"SELECT * FROM {self.database}.audit_events WHERE cluster = 'production'")
        return [dict(zip(names, row)) for row in rows]

    def query(self, number):
        """The answer to a query of manifests/queries, as it is printed."""
        return self.ask(split(auditsidecar("query", number, "--engine", self.dialect, "--database", self.database))[0])

    def needle(self, column, value):
        """How many events have a value; all of what is shown of them is read."""
        return len(self.ask(f"SELECT {', '.join(SHOWN)} FROM {self.database}.audit_events WHERE cluster = 'haystack' AND {column} = '{value}'")[1])

    def close(self):
        pass


class Search(Engine):
    """auditsidecar search, which is for needles."""

    def open(self):
        self.flags = ["--s3-endpoint", self.store.endpoint, "--s3-region", "us-east-1", "--s3-path-style"]

    def needle(self, column, value):
        flag = {"user_name": "--user", "object_name": "--name", "audit_id": "--audit-id"}[column]
        return len(auditsidecar("search", URL, "--cluster", "haystack", flag, value, *self.flags).splitlines())


class Query(Engine):
    """auditsidecar query, by DuckDB's program over the bucket."""

    dialect = "duckdb"

    def open(self):
        import duckdb_ext

        self.flags = ["--s3-endpoint", self.store.endpoint, "--s3-region", "us-east-1", "--s3-path-style", "-o", "json"]
        self.params = {q["Number"]: q["Params"] or [] for q in json.loads(auditsidecar("query", "-o", "json"))}
        packages = os.path.dirname(list(duckdb_ext.__path__)[0])
        self.home = tempfile.mkdtemp()
        shutil.copytree(os.path.join(packages, "duckdb_ext", "extensions"), os.path.join(self.home, ".duckdb", "extensions"))
        os.environ.update(HOME=self.home, PATH=os.path.join(packages, "bin") + ":" + os.environ["PATH"])

    def query(self, number):
        given = [word for p in self.params[number] for word in ("--param", f"{p['Name']}={p['Example']}")]
        rows = json.loads(auditsidecar("query", URL, number, *given, *self.flags))
        return list(rows[0]), [list(row.values()) for row in rows]

    def needle(self, column, value):
        text = f"SELECT {', '.join(SHOWN)} FROM audit.audit_events WHERE cluster = 'haystack' AND {column} = '{value}'"
        return len(json.loads(auditsidecar("query", URL, text, *self.flags)))

    def again(self):
        """It is a process."""

    def close(self):
        shutil.rmtree(self.home)


class DuckDB(Engine):
    dialect = "duckdb"

    def open(self):
        import duckdb
        import duckdb_extension_httpfs

        self.session = duckdb.connect()
        self.session.execute("SET TimeZone = 'UTC'")
        folder = os.path.dirname(duckdb_extension_httpfs.__file__)
        self.session.load_extension(next(os.path.join(d, n) for d, _, names in os.walk(folder) for n in names if n.endswith(".duckdb_extension")))
        self.session.execute(f"CREATE SECRET (TYPE s3, KEY_ID 'key', SECRET 'secret', REGION 'us-east-1', URL_STYLE 'path', USE_SSL false, ENDPOINT '{self.store.endpoint[7:]}')")
        self.ddl()

    def ask(self, statement):
        result = self.session.execute(statement)
        return [d[0] for d in result.description or []], result.fetchall() if result.description else []


class Trino(Engine):
    dialect, database = "trino", "hive.audit"

    def open(self):
        self.work = tempfile.mkdtemp()
        env = {**os.environ, "LAB": self.work, "AWS_ENDPOINT_URL_S3": self.store.endpoint}
        self.server = subprocess.Popen([os.path.join(ROOT, "bin", "lab-trino"), "-client", os.path.join(self.work, "client")],
                                       env=env, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        ready = self.server.stdout.readline()
        self.url = re.search(r"at (http://[\d.:]+)", ready)[1]
        self.ddl()

    def ask(self, statement):
        headers = {"X-Trino-User": "engines", "X-Trino-Catalog": "hive", "X-Trino-Time-Zone": "UTC", "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME"}
        request = urllib.request.Request(self.url + "/v1/statement", statement.encode(), headers)
        names, rows = [], []
        while request:
            answer = json.load(urllib.request.urlopen(request))
            if "error" in answer:
                raise RuntimeError(answer["error"]["message"])
            names = [c["name"] for c in answer.get("columns", [])] or names
            rows += answer.get("data", [])
            request = answer.get("nextUri")
        return names, rows

    def again(self):
        """Keeps none."""

    def close(self):
        self.server.terminate()
        self.server.wait()
        shutil.rmtree(self.work)


class Spark(Engine):
    dialect = "spark"

    def open(self):
        from pyspark.sql import SparkSession

        os.environ["TZ"] = "UTC"
        self.work = tempfile.mkdtemp()
        s3a = {"endpoint": self.store.endpoint, "path.style.access": "true", "connection.ssl.enabled": "false", "access.key": "key",
               "secret.key": "secret", "endpoint.region": "us-east-1", "experimental.input.fadvise": "random",
               "directory.marker.retention": "keep", "attempts.maximum": "2", "retry.limit": "2"}
        builder = SparkSession.builder.master("local[1]")
        for name, value in {
            "spark.ui.enabled": "false", "spark.driver.memory": "1g", "spark.sql.shuffle.partitions": "1", "spark.sql.catalogImplementation": "hive",
            "spark.sql.warehouse.dir": os.path.join(self.work, "warehouse"),
            "spark.driver.extraJavaOptions": f"-Dderby.system.home={self.work}",
            "spark.driver.extraClassPath": os.environ["S3A"] + "/*",
            "spark.hadoop.javax.jdo.option.ConnectionURL": "jdbc:derby:memory:metastore;create=true",
            **{"spark.hadoop.fs.s3a." + k: v for k, v in s3a.items()},
        }.items():
            builder = builder.config(name, value)
        os.chdir(self.work)
        self.session = builder.getOrCreate()
        self.session.sparkContext.setLogLevel("ERROR")
        self.ddl(URL.replace("s3:", "s3a:"))

    def ask(self, statement):
        frame = self.session.sql(statement)
        return frame.columns, [tuple(v.asDict(recursive=True) if hasattr(v, "asDict") else v for v in row) for row in frame.collect()]

    def refreshed(self):
        """A session that lasts sees a new object after the last statements of the script."""
        count = f"SELECT count(*) FROM audit.audit_events WHERE cluster = 'haystack' AND dt = '{DAY}'"
        before = self.ask(count)[1][0][0]
        folder = os.path.join(self.store.directory, "data", "cluster=haystack", "dt=" + DAY)
        new = os.path.join(folder, "new.parquet")
        shutil.copy(os.path.join(folder, os.listdir(folder)[0]), new)
        try:
            for statement in split(auditsidecar("ddl", "spark", "--location", URL.replace("s3:", "s3a:"))):
                if statement.startswith(("MSCK", "REFRESH")):
                    self.ask(statement)
            after = self.ask(count)[1][0][0]
        finally:
            os.remove(new)
        self.ask("REFRESH TABLE audit.audit_events")
        if after != 2 * before or before == 0:
            raise AssertionError(f"{before} rows, {after} with one more object")

    def again(self):
        """Keeps none."""

    def close(self):
        self.session.sql("DROP DATABASE audit CASCADE")
        self.session.stop()
        os.chdir("/")
        shutil.rmtree(self.work)


class PyArrow(Engine):
    def open(self):
        self.names = {}
        exec(blocks("pyarrow")[0], self.names)
        self.created = 1

    def again(self):
        exec(blocks("pyarrow")[0].partition("rows =")[0], self.names)

    def rows(self):
        return self.names["rows"].to_pylist()

    def needle(self, column, value):
        import pyarrow.dataset as ds

        return self.names["events"].to_table(columns=list(SHOWN), filter=(ds.field("cluster") == "haystack") & (ds.field(column) == value)).num_rows


class Polars(Engine):
    def open(self):
        self.names = {}
        exec(blocks("polars")[0], self.names)
        self.created = 1

    def again(self):
        exec(blocks("polars")[0].partition("rows =")[0], self.names)

    def rows(self):
        return self.names["rows"].to_dicts()

    def needle(self, column, value):
        import polars as pl

        return len(self.names["events"].filter((pl.col("cluster") == "haystack") & (pl.col(column) == value)).select(SHOWN).collect())


class DataFusion(Engine):
    dialect = "duckdb"
    lacks = ("32", "33", "34")  # of records and rollups

    def open(self):
        from datafusion import SessionContext
        from datafusion.object_store import AmazonS3

        self.session = SessionContext()
        self.session.register_object_store("s3://", AmazonS3(bucket_name="audit-archive", region="us-east-1", endpoint=self.store.endpoint, allow_http=True,
                                                             access_key_id="key", secret_access_key="secret"))
        for block in blocks("DataFusion"):
            for statement in split(block):
                self.ask(statement)
                self.created += 1

    def ask(self, statement):
        table = self.session.sql(statement).to_arrow_table()
        return table.column_names, [tuple(row.values()) for row in table.to_pylist()]


class ClickHouse(Engine):
    dialect = "duckdb"
    lacks = ("32", "33", "34")  # of records and rollups

    def open(self):
        from chdb.session import Session

        if hasattr(self, "session"):
            self.session.close()
        self.session = Session()
        for block in blocks("ClickHouse"):
            for statement in split(block.replace(f"file('{URL}", f"s3('{self.store.endpoint}/{URL[5:]}")):
                if not statement.startswith("SELECT"):
                    self.session.query(statement)
                self.created += 1

    def rows(self):
        return self.session.query("SELECT * FROM audit.audit_events WHERE cluster = 'production'", "ArrowTable").to_pylist()

    def ask(self, statement):
        result = json.loads(str(self.session.query(statement, "JSONCompact")))
        return [c["name"] for c in result["meta"]], result["data"]


class Files(Engine):
    """Readers of files: they ask no store."""

    finds = False

    def open(self):
        pass

    def objects(self):
        """The objects of the real day by node."""
        for folder, _, names in os.walk(os.path.join(self.store.directory, "data", "cluster=production")):
            for name in names:
                yield re.search(r"-(cp-\d)-", name)[1], os.path.join(folder, name)


class ParquetMR(Files):
    def rows(self):
        jars = os.environ["PARQUETMR"] + "/*"
        with tempfile.TemporaryDirectory() as classes:
            subprocess.run(["javac", "-cp", jars, "-d", classes, os.path.join(HERE, "parquetmr", "Read.java"), os.path.join(HERE, "parquetmr", "ZStandardCodec.java")], check=True)
            rows = []
            for _, path in self.objects():
                run = subprocess.run(["java", "-cp", classes + ":" + jars, "Read", path], capture_output=True, text=True)
                if run.returncode:
                    raise RuntimeError(run.stderr)
                keys = dict(re.findall(r"(cluster|dt)=([^/]+)", path))
                rows += [{**json.loads(line), **keys} for line in run.stdout.splitlines()]
        return rows


class Comparing(Files):
    """Readers of e2e/readers, which compare cells with the lines themselves."""

    def compared(self, logs):
        with tempfile.TemporaryDirectory() as work:
            for node, path in self.objects():
                shutil.copy(logs[node], os.path.join(work, node + ".log"))
                shutil.copy(path, os.path.join(work, node + ".log.parquet"))
            run = subprocess.run([*self.command, *(os.path.join(work, node + ".log") for node in logs)], cwd=os.path.join(ROOT, self.folder), capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(run.stderr)
        return [sum(int(n) for n in found) for found in zip(*re.findall(r"(\d+) rows, (\d+) cells", run.stdout))]


class ArrowGo(Comparing):
    folder, command = "e2e/readers/arrow", ["go", "run", "."]


class Hyparquet(Comparing):
    folder, command = "e2e/readers", ["node", "hyparquet.mjs"]


ENGINES = {
    "search": Search, "query": Query, "DuckDB": DuckDB, "Trino": Trino, "Spark": Spark, "pyarrow": PyArrow, "polars": Polars, "DataFusion": DataFusion,
    "ClickHouse": ClickHouse, "parquet-mr": ParquetMR, "arrow-go": ArrowGo, "hyparquet": Hyparquet,
}
