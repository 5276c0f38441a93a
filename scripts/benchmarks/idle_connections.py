#!/usr/bin/env python3
"""idle_connections COUNT: opens so many connections to itself, over which a byte went each way, and
prints the bytes of the kernel's slabs that one takes."""

import os
import resource
import signal
import socket
import sys

count = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


def slabs():
    """Bytes of /proc/meminfo's Slab: sockets, and what is queued in them."""
    with open("/proc/meminfo", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Slab:"))


listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(("127.0.0.1", 0))
listener.listen(128)
before, held = slabs(), []
# The other ends are another process's, so that both are within the usual limit of descriptors.
other = os.fork()
if other == 0:
    while True:
        held.append(listener.accept()[0])
        held[-1].send(held[-1].recv(1))
try:
    for _ in range(count):
        held.append(socket.create_connection(listener.getsockname()))
        held[-1].send(b"x")
        held[-1].recv(1)
    print((slabs() - before) / count)
finally:
    os.kill(other, signal.SIGKILL)
