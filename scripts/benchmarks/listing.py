"""`mptcpize sockets` compared with ss(8), which shows the same with -Mtanpie."""

import subprocess
import sys

from lab import OURS, need
from paired import Missing, Table, cell, compare

# Half as many connections as sockets: both ends are here.
HOLDER = """
import resource, socket, sys, time
count, port = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, max(count + 100,
    resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
listener.bind(("127.0.0.1", port)); listener.listen(4096); kept = []
for _ in range(count // 2):
    kept.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262))
    kept[-1].connect(("127.0.0.1", port)); kept.append(listener.accept()[0])
print("ready", flush=True); time.sleep(600)
"""


# CPU seconds of a command alone, without what brings it into the namespace.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
"""


def used(lab, command):
    """CPU seconds of a command."""
    return {"CPU time": float(lab.run([sys.executable, "-c", MEASURE, *command]))}


def measure(lab, plan):
    """CPU time relative to ss."""
    table = Table(
        "Listing connections",
        "`mptcpize sockets` relative to `ss -Mtanpie` on the same connections.",
        ["CPU time"])
    for count in (10, 1000) if plan.quick else (10, 1000, 10_000):
        name = f"{count:,} connections".replace(",", " ")
        holder = subprocess.Popen(
            lab.home + [sys.executable, "-c", HOLDER, str(count), str(lab.port())],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        lab.processes.append(holder)
        if holder.stdout.readline() != b"ready\n":
            table.add(name, Missing("the connections could not be made: no MPTCP?"))
        else:
            found = compare(
                {"ss": lambda: used(lab, [need("ss"), "-Mtanpie"]),
                 "mptcpize": lambda: used(lab, [OURS, "sockets"])}, "ss", plan.many_rounds)
            table.add(name, cell(found, "mptcpize", "CPU time"))
        lab.stop(holder)
    return [table]
