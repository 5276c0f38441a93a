"""supervised_stalls.py COMMAND…: starts `COMMAND… python3 supervised_stalls.py`, which makes
connections as most programs do, and looks at its sockets from outside: what the kernel has of them,
whatever the program is shown. For each socket, after what it is: its protocol, whether its receive
buffer is wide, SO_RCVLOWAT, and TCP_NOTSENT_LOWAT."""

import ast
import contextlib
import ctypes
import os
import socket
import subprocess
import sys

SO_PROTOCOL, TCP_USER_TIMEOUT, TCP_NOTSENT_LOWAT, PIDFD_GETFD = 38, 18, 25, 438


def connected(listener, client=None, option=None):
    """Both ends: a client that does not wait, and a server that turns Nagle's algorithm off."""
    client = client or socket.socket()
    if option:
        client.setsockopt(*option)
    client.settimeout(10)
    client.connect(listener.getsockname())  # asks for SO_ERROR
    server, _ = listener.accept()
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client, server


def waiting(listener):
    """A client that waits."""
    client = socket.socket()
    client.connect(listener.getsockname())
    listener.accept()
    return client


def inside():
    listener = socket.create_server(("127.0.0.1", 0))
    client, server = connected(listener)
    asked = waiting(listener)
    asked.getsockname()
    demoted = socket.socket()
    with contextlib.suppress(OSError):  # strict
        demoted.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 1000)
    sockets = {
        "listener": listener,
        "client": client,
        "server": server,
        "waiting": waiting(listener),
        "asked for its address": asked,
        "with a mark of its own": connected(listener, option=(1, socket.SO_RCVLOWAT, 5))[0],
        "with a small buffer": connected(listener, option=(1, socket.SO_RCVBUF, 4096))[0],
        "with a limit of its own": connected(listener, option=(6, TCP_NOTSENT_LOWAT, 50000))[0],
        "from TCP": connected(listener, demoted)[1],
        "demoted": demoted,
    }
    print(os.getpid(), {name: one.fileno() for name, one in sockets.items()}, flush=True)
    sys.stdin.read()


def outside(command):
    libc = ctypes.CDLL(None, use_errno=True)
    program = subprocess.Popen(
        command + ["python3", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    pid, sockets = program.stdout.readline().split(" ", 1)
    pidfd = os.pidfd_open(int(pid))
    for name, number in ast.literal_eval(sockets).items():
        fd = libc.syscall(PIDFD_GETFD, pidfd, number, 0)
        with socket.socket(fileno=fd) as one:
            wide = one.getsockopt(1, socket.SO_RCVBUF) >= 6 << 20
            # The kernel has 0 and -1 of what an MPTCP listener accepts from a TCP client.
            low = max(one.getsockopt(1, socket.SO_RCVLOWAT), 1)
            limit = max(one.getsockopt(6, TCP_NOTSENT_LOWAT), 0)
            protocol = one.getsockopt(1, SO_PROTOCOL)
            print(f"{name}: {protocol} {'wide' if wide else 'narrow'} {low} {limit}")
    program.stdin.close()
    program.wait()


if len(sys.argv) > 1:
    outside(sys.argv[1:])
else:
    inside()
