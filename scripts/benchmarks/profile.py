"""Processor time by request, of servers and clients, and where a server spends it: its own code, the
preload library, the kernel's MPTCP, and the rest of the kernel."""

import os
import resource
import subprocess

import databases
import web
from lab import NATIVE, Unavailable, need
from paired import Missing, Ratio, Table

SIDES = (NATIVE, "mptcpize")
# Samples of the clock in a second: many virtual machines have no counters of the processor's.
RATE = 4000
ENOUGH = 200
PARTS = ("program", "library", "kernel's MPTCP", "rest of the kernel")
COLUMNS = [(side, what) for side in SIDES for what in ("client", "server", *PARTS)
           if (side, what) != (NATIVE, "library")]


def descendants(pid):
    """The process and all that it has started, as far as they live."""
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as children:
                for child in children.read().split():
                    found += descendants(int(child))
    except OSError:
        pass
    return found


def spent(server):
    """Seconds on a processor of a server's processes: of those that live by the scheduler, to the
    nanosecond, of those that have ended by their parents' clock."""
    total = 0
    for pid in descendants(server.pid):
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as times:
                    total += int(times.read().split()[0]) / 1e9
            with open(f"/proc/{pid}/stat", encoding="ascii") as status:
                ended = status.read().rpartition(")")[2].split()[13:15]
            total += sum(map(int, ended)) / os.sysconf("SC_CLK_TCK")
        except OSError:
            continue
    return total


def clients():
    """Seconds on a processor of all that this process has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def costs(server, load, counted):
    """Client's and server's seconds by what is proportional to the number of requests."""
    before = spent(server), clients()
    seen = load()
    unit = 1 if counted else seen["requests/s"]
    return {"server": (spent(server) - before[0]) / unit, "client": (clients() - before[1]) / unit}


def part(image, symbol):
    """Where this function belongs."""
    if image == "libmptcpize.so":
        return "library"
    if not image.startswith("[kernel"):
        return "program"
    return "kernel's MPTCP" if "mptcp" in symbol else "rest of the kernel"


def shares(lab, server, load):
    """What part of the samples of the server's processes was where."""
    data = str(lab.folder / "perf.data")
    perf = need("perf")
    recorder = subprocess.Popen(
        [perf, "record", "--quiet", "--event", "cpu-clock", "--freq", str(RATE), "--inherit",
         "--pid", ",".join(map(str, descendants(server.pid))), "--output", data],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        load()
    finally:
        recorder.terminate()
        recorder.wait(30)
    report = subprocess.run(
        [perf, "report", "--input", data, "--stdio", "--no-children", "--fields",
         "sample,dso,symbol", "--field-separator", ";"],
        capture_output=True, text=True, check=False)
    found = dict.fromkeys(PARTS, 0)
    for line in report.stdout.splitlines():
        words = [word.strip() for word in line.split(";")]
        if len(words) == 3 and words[0].isdecimal():
            found[part(words[1], words[2])] += int(words[0])
    total = sum(found.values())
    if total < ENOUGH:
        raise Unavailable(f"perf saw too little of it: {report.stderr.strip()[-200:]}")
    return {what: count / total for what, count in found.items()}


def row(lab, plan, start, case, counted):
    """By column, a ratio.

    counted: a load is so many requests, not so many seconds."""
    launchers, servers, loads = lab.launchers(), {}, {}
    names = ["TCP", *SIDES]
    try:
        for side in names:
            servers[side], load = start(lab, launchers[side])
            loads[side] = lambda load=load: load(case, plan)
        rounds = []
        for number in range(plan.rounds):
            shift = number % len(names)
            rounds.append({side: costs(servers[side], loads[side], counted)
                           for side in names[shift:] + names[:shift]})
        cells = {}
        for side in SIDES:
            for what in ("client", "server"):
                cells[side, what] = Ratio.of([seen[side][what] / seen["TCP"][what] for seen in rounds])
            try:
                seen = shares(lab, servers[side], loads[side])
            except Unavailable as failure:
                cells |= {(side, what): Missing(str(failure)) for what in PARTS}
                continue
            for what, share in seen.items():
                cells[side, what] = Ratio.of([share * cells[side, "server"].median])
        return [cells[column] for column in COLUMNS]
    finally:
        for server in servers.values():
            lab.stop(server)


def measure(lab, plan):
    """Relative to what a request costs over TCP."""
    table = Table(
        "Processor time by request",
        "Processor time of client and server, relative to plain TCP, and what part of the server's is "
        "where (`perf`): in the program, in the preload library, in functions of the kernel that have "
        "mptcp in their names, and in the rest of the kernel. What the kernel does in threads of its "
        "own, such as ending MPTCP connections, is not in it.",
        [f"{side} {what}" for side, what in COLUMNS])
    starts = [
        ("nginx, tuned", web.starter("nginx", web.TUNED), False),
        ("apache2, event", web.starter("apache2"), False),
        ("redis", databases.redis, True),
        ("postgres", databases.postgres, False),
    ]
    for name, start, counted in starts[:1] if plan.quick else starts:
        for case in databases.CASES:
            try:
                cells = row(lab, plan, start, case, counted)
            except Unavailable as failure:
                cells = [Missing(str(failure))] * len(COLUMNS)
            table.add(f"{name}, {case}", *cells)
    return [table]
