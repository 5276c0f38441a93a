"""Redis and PostgreSQL under load."""

import csv
import glob
import os
import pathlib
import shutil
import statistics
import time

import servers
from lab import Unavailable, need

CASES = ("keep-alive", "per request")


def redis(lab, before):
    """Starts one; gives it and what loads it."""
    port = lab.port()
    server = lab.start([
        *before, need("redis-server"), "--bind", "127.0.0.1", "--port", str(port), "--save", "",
        "--dir", str(lab.folder), "--loglevel", "warning"], port)

    def load(case, plan):
        keep = int(case == "keep-alive")
        requests = 20000 if keep else 3000
        output = lab.run([
            *before, need("redis-benchmark"), "-p", str(port), "-t", "get", "-c", "16",
            "-n", str(requests), "-k", str(keep), "--csv"])
        rows = list(csv.DictReader(
            line for line in output.splitlines() if line.startswith('"')))
        if not rows:
            raise Unavailable("redis-benchmark printed no result")
        return {"requests/s": float(rows[0]["rps"]),
                "p50": float(rows[0]["p50_latency_ms"]), "p99": float(rows[0]["p99_latency_ms"])}
    return server, load


def postgres(lab, before):
    """The same, with a database of its own."""
    folders = sorted(
        glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    if not folders:
        raise Unavailable("postgresql is not installed: scripts/bootstrap bench")
    programs, port = folders[-1], lab.port()
    user, home = [], pathlib.Path(lab.folder, f"postgres-{port}")
    home.mkdir()
    if os.geteuid() == 0:
        user = [need("setpriv"), "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        shutil.chown(home, "postgres", "postgres")
    lab.run([*user, f"{programs}/initdb", "-D", f"{home}/data", "-U", "postgres",
             "--auth=trust", "--no-sync", "--no-locale", "--encoding=UTF8"])
    server = lab.start([
        *user, *before, f"{programs}/postgres", "-D", f"{home}/data", "-h", "127.0.0.1", "-p",
        str(port), "-k", "", "-c", "fsync=off"], port)
    # It listens before it serves anybody.
    while lab.run(["sh", "-c", f"{programs}/pg_isready -h 127.0.0.1 -p {port} || true"]).strip() \
            .endswith("rejecting connections"):
        time.sleep(0.05)
    bench = [need("pgbench"), "-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
    lab.run([*bench, "--initialize", "--quiet", "postgres"])

    def load(case, plan):
        options = [] if case == "keep-alive" else ["--connect"]
        log = str(lab.folder / "pgbench")
        output = lab.run([
            *before, *bench, "--select-only", "--client", "8", "--time", str(plan.seconds),
            "--no-vacuum", "--log", f"--log-prefix={log}", *options, "postgres"])
        times = []
        for path in glob.glob(log + ".*"):
            with open(path, encoding="ascii") as lines:
                times += [int(line.split()[2]) for line in lines]
            os.unlink(path)
        rates = [line.split()[2] for line in output.splitlines() if line.startswith("tps = ")]
        if not rates or len(times) < 2:
            raise Unavailable("pgbench counted no transactions")
        seen = {"requests/s": float(rates[0])}
        # It does not time a connection with its transaction.
        if not options:
            percentiles = statistics.quantiles(times, n=100)
            seen |= {"p50": percentiles[49], "p99": percentiles[98]}
        return seen
    return server, load


def measure(lab, plan):
    """Requests per second, and how long they took."""
    table = servers.table_of(
        "Databases", "redis-benchmark (GET, 16 clients) and pgbench (select only, 8 clients; it "
        "does not time a connection together with its transaction) on loopback")
    # Short loads of redis, but many: what disturbs the machine lasts longer than one of them.
    for name, start, rounds in [
            ("redis", redis, plan.many_rounds), ("postgres", postgres, plan.rounds)]:
        servers.measure(lab, plan, table, name, start, CASES, rounds=rounds)
    return [table]
