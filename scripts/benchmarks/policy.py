"""Connections that a rule keeps TCP: what the library still costs them."""

import databases
import servers
import web
from lab import OURS
from paired import Table

RUN = [OURS, "run", "--mode", "preload", "--policy", "none"]
SIDES = ("rule", "MPTCP")
TOOLS = {"TCP": [], "rule": [*RUN, "--rule", "tcp any loopback *"], "MPTCP": RUN}


def measure(lab, plan):
    """Servers and clients of which all connections are the rule's."""
    table = Table(
        "A rule that keeps connections TCP",
        "`run --rule 'tcp any loopback *'` for server and client, compared with `run` without "
        "rules; relative to plain TCP. Per request: one connection for each, on which the rule "
        "decides.",
        [f"{side} {metric}" for side in SIDES for metric in servers.METRICS])
    starts = {"nginx": web.starter("nginx", web.STOCK)}
    if not plan.quick:
        starts["redis"] = databases.redis
    for name, start in starts.items():
        servers.measure(
            lab, plan, table, name, start, databases.CASES, tools=TOOLS, shown=SIDES)
    return [table]
