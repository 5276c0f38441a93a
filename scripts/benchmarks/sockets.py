"""What socket() and close() cost, in time."""

import os

from lab import ESTABLISHED, OURS, Unavailable
from paired import Missing, Table, cell, compare


def measure(lab, plan):
    """Two tables: relative to a program that asks for MPTCP by itself, and to plain TCP where
    there is no MPTCP."""
    program = lab.fixture("bench_sockets")

    def side(*before, protocol=0, inside=None):
        def run():
            # What -d says of each socket is written, and read by nobody.
            output = lab.run(
                [*before, program, str(plan.calls), str(protocol)], inside,
                stderr=open(os.devnull, "wb"))
            return {"time": float(output)}
        return run

    sides = {
        "program that asks for MPTCP": side(protocol=262),
        "plain TCP": side(),
        "`mptcpize run`": side(OURS, "run"),
        "`mptcpize run --report`": side(OURS, "run", "--report", "-o", "/dev/null"),
        "`mptcpize run -d`": side(OURS, "run", "-d"),
    }
    if os.access(ESTABLISHED, os.X_OK):
        sides["established tool"] = side(ESTABLISHED, "run")
    with_mptcp = Table(
        "socket() and close()",
        "Time of the two calls, relative to a program that asks for MPTCP itself.",
        ["time"])
    found = compare(sides, "program that asks for MPTCP", plan.many_rounds)
    for name in found:
        with_mptcp.add(name, cell(found, name, "time"))

    without = Table(
        "socket() and close() where there is no MPTCP",
        "Time of the two calls under `mptcpize run`, relative to plain TCP in the same place.",
        ["time"])
    refuse = [lab.fixture("refuse_mptcp"), "22", "0"]
    without.add("kernel without MPTCP (asked once)", cell(
        compare({"TCP": side(*refuse), "ours": side(*refuse, OURS, "run")}, "TCP",
                plan.many_rounds), "ours", "time"))
    name = "`net.mptcp.enabled=0` (asked anew some 100 times a second)"
    try:
        off = lab.namespace(mptcp=False)
        without.add(name, cell(
            compare({"TCP": side(inside=off), "ours": side(OURS, "run", inside=off)}, "TCP",
                    plan.many_rounds), "ours", "time"))
    except Unavailable as failure:
        without.add(name, Missing(str(failure)))
    return [with_mptcp, without]
