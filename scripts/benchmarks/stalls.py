"""Transfers that stand still until a timer of 200 ms: what the kernel does to MPTCP on fast links."""

import pathlib
import statistics
import sys

from lab import launchers
from paired import Exact, Missing, Ratio, Table

PROGRAM = pathlib.Path(__file__).with_name("timed_transfers.py")
LIMIT = 0.150  # seconds; no transfer of these takes as long by itself
NATIVE, OURS = "native MPTCP", "mptcpize"
# By row: bytes of a transfer, transfers in a round, bytes of a read, SO_RCVBUF.
ROWS = {
    "20 KB": (20_000, 100, 65536, 0),
    "2 MB": (2_000_000, 25, 65536, 0),
    "2 MB, reads of 16 KiB": (2_000_000, 25, 16384, 0),
    "2 MB, SO_RCVBUF 64 KiB": (2_000_000, 15, 65536, 65536),
    "20 MB": (20_000_000, 5, 65536, 0),
}


def sides():
    """The words before a command, and the protocol that the program asks for."""
    found = {"TCP": ([], 0), NATIVE: ([], 262)}
    found |= {side: (before, 0) for side, before in launchers().items() if side != "TCP"}
    return found


def percentile(times, share):
    """The time within which this share of the transfers was done."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def measure_row(lab, rounds, size, count, read, buffer):
    """Seconds of the transfers, by side, a list for each round."""
    seen = {side: [] for side in sides()}
    for _ in range(rounds):
        for side, (before, protocol) in sides().items():
            output = lab.run([*before, sys.executable, str(PROGRAM), str(protocol), str(size),
                              str(count), str(read), str(buffer)])
            seen[side].append([float(line) for line in output.split()])
    return seen


def cells(seen, side):
    """How many stood still, and two percentiles relative to TCP's of the same round."""
    if side not in seen:
        return [Missing("not installed: scripts/bootstrap bench")] * 3
    stalled = Exact(sum(time > LIMIT for times in seen[side] for time in times))
    pairs = list(zip(seen[side], seen["TCP"]))
    half = Ratio.of([statistics.median(ours) / statistics.median(tcp) for ours, tcp in pairs])
    most = Ratio.of([percentile(ours, 0.99) / percentile(tcp, 0.99) for ours, tcp in pairs])
    return [stalled, half, most]


def measure(lab, plan):
    """One row for each kind of transfer."""
    shown = [NATIVE, "established", OURS]
    rounds = plan.rounds if plan.quick else plan.many_rounds
    columns = ["TCP stalled"]
    columns += [f"{side} {what}" for side in shown for what in ("stalled", "p50", "p99")]
    table = Table(
        "Stalls on loopback",
        "Transfers, one after another; how many took more than 150 ms, and the time that half and "
        "99 % of a round's took at most, relative to TCP's in the same round. Native MPTCP: a "
        f"program that asks for it by itself. {rounds} rounds.", columns)
    for name, row in ROWS.items():
        seen = measure_row(lab, rounds, *row)
        table.add(f"{name}, {rounds * row[1]} transfers", cells(seen, "TCP")[0],
                  *(cell for side in shown for cell in cells(seen, side)))
    return [table]
