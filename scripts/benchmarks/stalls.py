"""Transfers that stand still until a timer of 200 ms, as MPTCP of some kernels does on fast links."""

import pathlib
import statistics
import subprocess
import sys

from lab import NATIVE, ROOT, Unavailable, need
from paired import Exact, Missing, Ratio, Table

PROGRAM = pathlib.Path(__file__).with_name("timed_transfers.py")
LIMIT = 0.150  # seconds; no transfer of these takes as long by itself
OURS = "mptcpize"
# By row: bytes of a transfer, transfers in a round, bytes of a read, SO_RCVBUF.
ROWS = {
    "20 KB": (20_000, 100, 65536, 0),
    "2 MB": (2_000_000, 67, 65536, 0),
    "2 MB, reads of 16 KiB": (2_000_000, 10, 16384, 0),
    "2 MB, SO_RCVBUF 64 KiB": (2_000_000, 15, 65536, 65536),
    "20 MB": (20_000_000, 5, 65536, 0),
}


# The row that the figure shows.
DRAWN = "2 MB"


def sides(lab):
    """The words before a command, and the protocol that the program asks for."""
    found = {side: (before, 0) for side, before in lab.launchers().items()}
    return found | {NATIVE: ([], 262)}


def percentile(times, share):
    """The time within which this share of the transfers was done."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def measure_row(lab, rounds, size, count, read, buffer):
    """Seconds of the transfers, by side, a list for each round."""
    compared = sides(lab)
    seen = {side: [] for side in compared}
    for _ in range(rounds):
        for side, (before, protocol) in compared.items():
            output = lab.run([*before, sys.executable, str(PROGRAM), str(protocol), str(size),
                              str(count), str(read), str(buffer)])
            seen[side].append([float(line) for line in output.split()])
    return seen


def cells(seen, side):
    """How many stood still, and percentiles relative to TCP's: two of the same round, and one of all."""
    if side not in seen:
        return [Missing("not installed: scripts/bootstrap bench")] * 4
    stalled = Exact(sum(time > LIMIT for times in seen[side] for time in times))
    pairs = list(zip(seen[side], seen["TCP"]))
    half = Ratio.of([statistics.median(ours) / statistics.median(tcp) for ours, tcp in pairs])
    most = Ratio.of([percentile(ours, 0.99) / percentile(tcp, 0.99) for ours, tcp in pairs])
    ours, tcp = (percentile(sum(seen[name], []), 0.999) for name in (side, "TCP"))
    return [stalled, half, most, Ratio.of([ours / tcp])]


def draw(lab, seen):
    """docs/figures/loopback.svg: which share of the transfers was done within which time."""
    for side in ("TCP", NATIVE, OURS):
        times = sorted(time * 1000 for times in seen[side] for time in times)
        (lab.folder / f"{side.split()[0]}.data").write_text(
            "".join(f"{time} {(place + 1) / len(times)}\n" for place, time in enumerate(times)))
    count = len(sum(seen[OURS], []))
    done = subprocess.run(
        [need("gnuplot"), "-e", f"data='{lab.folder}'; count={count}",
         str(pathlib.Path(__file__).with_name("loopback.gnuplot"))],
        check=False, capture_output=True)
    if done.returncode != 0:
        raise Unavailable(f"gnuplot: {done.stderr.decode(errors='replace').strip()}")
    (ROOT / "docs" / "figures" / "loopback.svg").write_bytes(done.stdout)


def measure(lab, plan):
    """One row for each kind of transfer."""
    shown = [NATIVE, "established", OURS]
    rounds = plan.rounds if plan.quick else plan.many_rounds
    columns = ["TCP stalled"]
    columns += [f"{side} {what}" for side in shown for what in ("stalled", "p50", "p99", "p99.9")]
    table = Table(
        "Stalls on loopback",
        "Transfers, one after another: how many took more than 150 ms, and the time within which half "
        "and 99 % of a round's ended, relative to TCP in the same round; p99.9 is of all rounds. "
        f"{rounds} rounds.", columns)
    for name, row in ROWS.items():
        seen = measure_row(lab, rounds, *row)
        table.add(f"{name}, {rounds * row[1]} transfers", cells(seen, "TCP")[0],
                  *(cell for side in shown for cell in cells(seen, side)))
        if plan.draws and name == DRAWN:
            draw(lab, seen)
    return [table]
