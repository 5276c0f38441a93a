"""supervised_stalls.py COMMAND…: starts `COMMAND… python3 supervised_stalls.py`, which makes
connections as most programs do, and looks at its sockets from outside: what the kernel has of them,
whatever the program is shown. For each socket, after what it is: its protocol, whether its receive
buffer is wide, SO_RCVLOWAT, and TCP_NOTSENT_LOWAT."""

import ctypes
import os
import socket
import subprocess
import sys

SO_PROTOCOL, TCP_USER_TIMEOUT, TCP_NOTSENT_LOWAT, PIDFD_GETFD = 38, 18, 25, 438


def listening(**options):
    one = socket.create_server(("127.0.0.1", 0), **options)
    return one


def connected(listener, before=lambda one: None):
    """Without waiting; accepted by a server that turns Nagle's algorithm off."""
    one = socket.socket()
    before(one)
    one.settimeout(10)
    one.connect(listener.getsockname())  # asks for SO_ERROR
    other, _ = listener.accept()
    other.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one, other


def inside():
    listener = listening()
    client, server = connected(listener)
    waiting = socket.socket()
    waiting.connect(listener.getsockname())
    own = connected(listener, lambda one: one.setsockopt(6, TCP_NOTSENT_LOWAT, 50000))[0]
    low = connected(listener, lambda one: one.setsockopt(1, socket.SO_RCVLOWAT, 5))[0]
    small = connected(listener, lambda one: one.setsockopt(1, socket.SO_RCVBUF, 4096))[0]
    demoted = socket.socket()
    demoted.setsockopt(6, TCP_USER_TIMEOUT, 1000)
    found = dict(locals())
    del found["own"]
    found["with its own limit"] = own
    print(os.getpid(), [(name, one.fileno()) for name, one in found.items()], flush=True)
    sys.stdin.read()


def outside(command):
    libc = ctypes.CDLL(None, use_errno=True)
    program = subprocess.Popen(
        command + ["python3", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    pid, sockets = program.stdout.readline().split(" ", 1)
    pidfd = os.pidfd_open(int(pid))
    for name, number in eval(sockets):
        fd = libc.syscall(PIDFD_GETFD, pidfd, number, 0)
        with socket.socket(fileno=fd) as one:
            wide = one.getsockopt(1, socket.SO_RCVBUF) >= 6 << 20
            low = one.getsockopt(1, socket.SO_RCVLOWAT)
            limit = one.getsockopt(6, TCP_NOTSENT_LOWAT)
            protocol = one.getsockopt(1, SO_PROTOCOL)
            print(f"{name}: {protocol} {'wide' if wide else 'narrow'} {low} {limit}")
    program.stdin.close()
    program.wait()


outside(sys.argv[1:]) if len(sys.argv) > 1 else inside()
