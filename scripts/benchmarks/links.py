"""Links that are the limit themselves, a long path, and connections that do nothing: where MPTCP, and
what is done for it, has to do no harm."""

import json
import pathlib
import subprocess
import sys
import time

from lab import ROOT, Unavailable, need
from paired import Table, cell, compare
from servers import SIDES

FOLDER = pathlib.Path(__file__).parent
RATES = {"10 Mbit/s": "10mbit", "100 Mbit/s": "100mbit", "1 Gbit/s": "1gbit"}
LONG = 100  # milliseconds of a round trip
SECONDS = 3  # of a transfer; several times what a queue on the way holds
CONNECTIONS = 10_000


def name_of(inside):
    """Of the words that lead into a namespace, its name."""
    return pathlib.Path(inside[1].partition("=")[2]).name


def hosts(lab):
    """Two namespaces, as the words that lead into each."""
    client, server = lab.namespace(), lab.namespace()
    if not client:
        raise Unavailable("needs root, for network namespaces")
    return client, server


def transfers(lab, plan, table, name, client, server, address):
    """Adds a row: iperf3 from one host to the other, by side."""
    sides, servers = {}, []
    for side, before in lab.launchers().items():
        port = lab.port()
        servers.append(lab.start(
            [*before, need("iperf3"), "--server", "--port", str(port)], port, inside=server))

        def load(before=before, port=port):
            output = json.loads(lab.run([
                *before, need("iperf3"), "--client", address, "--port", str(port), "--time",
                str(1 if plan.quick else SECONDS), "--json"], inside=client))
            return {"throughput": output["end"]["sum_received"]["bits_per_second"]}
        sides[side] = load
    found = compare(sides, "TCP", 1 if plan.quick else 3, warm=False)
    table.add(name, *(cell(found, side, "throughput") for side in SIDES))
    for process in servers:
        lab.stop(process)


def shaped(lab, plan, table):
    """Links of a rate, by tbf: one path, then two."""
    for name, rate in RATES.items():
        client, server = hosts(lab)
        subprocess.run([ROOT / "scripts" / "lab" / "two-paths", name_of(client), name_of(server),
                        rate], check=True)
        transfers(lab, plan, table, f"{name}, two paths", client, server, "10.77.1.2")
        for host in (client, server):
            lab.run([need("ip"), "mptcp", "endpoint", "flush"], inside=host)
        transfers(lab, plan, table, f"{name}, one path", client, server, "10.77.1.2")


def long_path(lab, plan, table):
    """A path of 100 ms, which nothing shapes: what counts is how soon windows are large."""
    client, server = hosts(lab)
    program = lab.folder / "long_path"
    subprocess.run([need("cc"), "-std=gnu11", "-O2", "-o", program, FOLDER / "long_path.c"],
                   check=True)
    relay = lab.start([program, name_of(client), name_of(server), str(LONG)], inside=[])
    for host, number in ((client, 1), (server, 2)):
        wait_for_device(lab, host)
        lab.run([need("ip"), "address", "add", f"10.78.0.{number}/24", "dev", "path0"], inside=host)
        lab.run([need("ip"), "link", "set", "path0", "up"], inside=host)
    transfers(lab, plan, table, f"a path of {LONG} ms", client, server, "10.78.0.2")
    lab.stop(relay)


def wait_for_device(lab, host):
    """Until the relay has made its end."""
    for _ in range(100):
        try:
            lab.run([need("ip"), "link", "show", "path0"], inside=host)
            return
        except Unavailable:
            time.sleep(0.05)
    raise Unavailable("no tun device here")


def idle(lab, plan):
    """Memory of connections that wait."""
    count = CONNECTIONS // 10 if plan.quick else CONNECTIONS
    table = Table(
        f"{count:,} idle connections".replace(",", " "),
        "Memory of the kernel for a connection (both ends), over which a byte went each way, relative "
        "to plain TCP.", list(SIDES))

    def side(before):
        # In a place of its own: what has ended is listed by `ss` for a minute.
        place = lab.namespace()
        return lambda: {"memory": float(lab.run([
            *before, sys.executable, str(FOLDER / "idle_connections.py"), str(count)], inside=place))}
    sides = {name: side(before) for name, before in lab.launchers().items()}
    found = compare(sides, "TCP", 1 if plan.quick else 3, warm=False)
    table.add("memory", *(cell(found, name, "memory") for name in SIDES))
    return table


def measure(lab, plan):
    """Links, then memory."""
    table = Table(
        "Links",
        "iperf3, one stream between two network namespaces, relative to plain TCP over one link. The "
        "links have an MTU of 1500; the long path is not shaped.", list(SIDES))
    shaped(lab, plan, table)
    long_path(lab, plan, table)
    return [table, idle(lab, plan)]
