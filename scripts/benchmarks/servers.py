"""Servers under load: server and client both over TCP, under the established tool, under mptcpize,
and with MPTCP sockets and nothing else; one server for each, all running at the same time and loaded in turn."""

from lab import NATIVE, Unavailable
from paired import Missing, Table, cell, compare

SIDES = ("mptcpize", "established", NATIVE)
METRICS = ("requests/s", "p50", "p99")


def table_of(title, about):
    """An empty table: a rate and two percentiles, for each side."""
    return Table(
        title,
        f"{about}; server and client under the same tool, relative to plain TCP. p50, p99: the "
        "time within which half and 99 % of the requests ended. Per request: one connection for each "
        "request.",
        [f"{side} {metric}" for side in SIDES for metric in METRICS])


def measure(lab, plan, table, name, start, cases, tools=None, shown=SIDES, rounds=None):
    """Adds a row for each case.

    tools: the words before a command by the side, TCP among them; lab.launchers() if not given.
    shown: the sides that the table has.
    rounds: plan.rounds if not given.
    start: given the words before a command, starts a server; gives it with a function that
    loads it, given a case and the plan, and gives a dictionary of METRICS."""
    loads, servers, failed = {}, [], {}
    for side, before in (tools or lab.launchers()).items():
        try:
            server, loads[side] = start(lab, before)
            servers.append(server)
        except Unavailable as failure:
            failed[side] = Missing(str(failure))
    for case in cases:
        sides = {side: lambda load=load: load(case, plan) for side, load in loads.items()}
        found = compare(sides, "TCP", rounds or plan.rounds) if "TCP" in sides else \
            {side: failed["TCP"] for side in shown}
        found |= {side: why for side, why in failed.items() if side in shown}
        table.add(f"{name}, {case}", *(
            cell(found, side, metric) for side in shown for metric in METRICS))
    for server in servers:
        lab.stop(server)
