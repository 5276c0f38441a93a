"""How long starting a program takes."""

import os

from lab import ESTABLISHED, OURS, need
from paired import Table, cell, compare


def measure(lab, plan):
    """`run true`, relative to `true`."""
    starter, program = lab.fixture("bench_start"), need("true")

    def side(*before):
        return lambda: {"time": float(
            lab.run([starter, str(plan.starts), *before, program]))}

    sides = {"nothing": side(), "`mptcpize run`": side(OURS, "run"),
             "`mptcpize run --report`": side(OURS, "run", "--report", "-o", "/dev/null")}
    if os.access(ESTABLISHED, os.X_OK):
        sides["established tool"] = side(ESTABLISHED, "run")
    table = Table(
        "Starting a program", "Time to start `true` until it ends, relative to `true` alone.",
        ["time"])
    found = compare(sides, "nothing", plan.many_rounds)
    for name in found:
        table.add(name, cell(found, name, "time"))
    return [table]
