"""iperf3 on loopback: what a byte costs, because the CPU is the limit there."""

import json

from lab import need
from paired import Table, cell, compare
from servers import SIDES


def measure(lab, plan):
    """Throughput relative to plain TCP."""
    table = Table(
        "Throughput on loopback",
        "iperf3, one stream; server and client under the same tool, relative to plain TCP. The "
        "CPU is the limit here: the figure shows what two links gain.", list(SIDES))
    sides, servers = {}, []
    for side, before in lab.launchers().items():
        port = lab.port()
        servers.append(lab.start([
            *before, need("iperf3"), "--server", "--port", str(port), "--bind", "127.0.0.1"],
            port))

        def load(before=before, port=port):
            output = json.loads(lab.run([
                *before, need("iperf3"), "--client", "127.0.0.1", "--port", str(port), "--time",
                str(plan.seconds), "--json"]))
            return {"throughput": output["end"]["sum_received"]["bits_per_second"]}
        sides[side] = load
    found = compare(sides, "TCP", plan.many_rounds)
    table.add("iperf3", *(cell(found, side, "throughput") for side in SIDES))
    for server in servers:
        lab.stop(server)
    return [table]
