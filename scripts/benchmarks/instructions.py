"""User instructions, counted by callgrind: exact, the same on every run."""

import functools
import glob
import os

from lab import CPU, ESTABLISHED, LIBRARY, OURS, Unavailable, need
from paired import Exact, Missing, Table

# The names that Tests/Fixtures/bench_options.c knows them by. "connect" and "accept" are what their
# calls cost where nothing has to be done; "a connection" is all calls of a new one, both ends.
CALLS = [
    "socket and close", "close", "bind", "connect", "accept", "accept4", "TCP_NODELAY",
    "SO_KEEPALIVE", "TCP_KEEPIDLE", "SO_REUSEADDR", "SO_REUSEPORT",
    "SO_REUSEADDR beside a connection", "a connection",
]
# What a rule for another port costs those that stay MPTCP, more than the library without rules.
RULE = "v1;tcp_any_127.0.0.0/8_1_x:1"
RULED = {"a rule, for a connect": "connect", "a rule, for a listen": "listen"}


def established_library():
    """The preload library of the established tool."""
    found = sorted(glob.glob(f"/usr/lib/{CPU}-linux-gnu/mptcpize/libmptcpwrap.so*"))
    return found[0] if found else None


def counted(lab, command, preload=None, options=(), policy=None):
    """Instructions of a program, until its end or until it becomes another program."""
    profile = lab.folder / "callgrind"
    environment = [f"LD_PRELOAD={preload}"] if preload else []
    environment += [f"MPTCPIZE_POLICY={policy}"] if policy else []
    lab.run(["env", *environment, need("valgrind"), "--tool=callgrind",
             f"--callgrind-out-file={profile}", "--dump-before=execve", *options, *command])
    total = 0
    for part in lab.folder.glob("callgrind*"):
        for line in part.read_text().splitlines():
            if line.startswith("totals:"):
                total += int(line.split()[1])
        part.unlink()
    if not total:
        raise Unavailable(f"callgrind counted nothing of {command[0]}")
    return total


@functools.cache
def of_calls(lab, call, preload, policy=None):
    """Instructions of 2000 calls. What is learned in the first ones does not count."""
    program = lab.fixture("bench_options")
    return counted(lab, [program, call, "3000"], preload, policy=policy) - \
        counted(lab, [program, call, "1000"], preload, policy=policy)


def added(lab, call, library):
    """Instructions that a preload library adds to one call."""
    if call in RULED:
        call = RULED[call]
        more, less = of_calls(lab, call, library, RULE), of_calls(lab, call, library)
    else:
        more, less = of_calls(lab, call, library), of_calls(lab, call, None)
    return round((more - less) / 2000)


def of_start(lab, tool, library):
    """Instructions of `mptcpize run true` more than of `true`: the tool, until it becomes the
    program, and its library inside of that."""
    program = need("true")
    inside = counted(lab, [program], library) - counted(lab, [program])
    return counted(lab, [tool, "run", program]) + inside


def guarded(count, *arguments):
    """A cell: the count, or why there is none."""
    try:
        return Exact(count(*arguments))
    except Unavailable as failure:
        return Missing(str(failure))


def measure(lab, plan):
    """What each call and a start take more than without."""
    table = Table(
        "User instructions per call",
        "Additional instructions with a preload library, counted by callgrind.",
        ["mptcpize", "established"])
    theirs = established_library() if os.access(ESTABLISHED, os.X_OK) else None
    missing = Missing("not installed: scripts/bootstrap bench")
    for call in CALLS[:2] if plan.quick else [*CALLS, *RULED]:
        established = guarded(added, lab, call, theirs) if theirs else missing
        table.add(call, guarded(added, lab, call, LIBRARY),
                  Missing("") if call in RULED else established)
    table.add("`mptcpize run true`, more than `true`", guarded(of_start, lab, OURS, LIBRARY),
              guarded(of_start, lab, ESTABLISHED, theirs) if theirs else missing)
    return [table]
