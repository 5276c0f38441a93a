"""supervised.py WHAT: what a program sees of its sockets, for tests of `run --mode seccomp`.

numbers    which numbers and flags its sockets have, and what happens beyond RLIMIT_NOFILE
many       many sockets of threads and of 200 processes
harmless   a socket after a seccomp filter of its own, which allows everything
forbids    the same after one that refuses socket() with IPPROTO_MPTCP
turns      a socket on each line of standard input
serve      a connection to itself by a child
signals    sockets while a signal without SA_RESTART comes again and again"""

import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import sys
import threading

SOL_SOCKET, SO_PROTOCOL, SO_OOBINLINE = 1, 38, 10


def protocol(one):
    return one.getsockopt(SOL_SOCKET, SO_PROTOCOL)


def numbers():
    first = socket.socket()
    os.set_inheritable(first.fileno(), True)
    others = [socket.socket() for _ in range(3)]
    others[1].close()
    print(socket.socket().fileno() == first.fileno() + 2)
    plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    flags = fcntl.fcntl(plain, fcntl.F_GETFL)
    print(bool(fcntl.fcntl(plain, fcntl.F_GETFD)), bool(flags & os.O_NONBLOCK))
    libc = ctypes.CDLL(None, use_errno=True)
    bare = libc.socket(2, 1, 0)
    print(fcntl.fcntl(bare, fcntl.F_GETFD), fcntl.fcntl(bare, fcntl.F_GETFL) & os.O_NONBLOCK)
    resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
    try:
        kept = [socket.socket() for _ in range(30)]
    except OSError as error:
        print(error.errno)
    print(libc.socket(2, 1, 6))


def many():
    failed = []

    def work(count):
        for _ in range(count):
            with socket.socket() as one:
                if protocol(one) != 262:
                    failed.append(1)
                one.setsockopt(SOL_SOCKET, SO_OOBINLINE, 1)

    threads = [threading.Thread(target=work, args=(500,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(200):
        if os.fork() == 0:
            work(30)
            os._exit(len(failed))
    print(len(failed) + sum(os.wait()[1] for _ in range(200)))


def confine(steps):
    libc = ctypes.CDLL(None)
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, program, 0, 0) == 0  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER


def harmless():
    confine([(6, 0, 0, 0x7FFF0000)])
    print(protocol(socket.socket()))


def forbids():
    # Loads the third argument; EPERM where it is 262.
    confine([(0x20, 0, 0, 32), (0x15, 0, 1, 262), (6, 0, 0, 0x50001), (6, 0, 0, 0x7FFF0000)])
    print(protocol(socket.socket()))


def turns():
    print("ready", flush=True)
    for _ in sys.stdin:
        with socket.socket() as one:
            print(protocol(one), flush=True)


def serve():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    if os.fork() == 0:
        with socket.create_connection(listener.getsockname()) as one:
            one.sendall(b"x" * 1000)
            one.shutdown(socket.SHUT_WR)
            one.recv(10)
        return
    one, _ = listener.accept()
    while one.recv(4096):
        pass
    one.sendall(b"ok")
    one.close()
    os.wait()
    print("served")


def signals():
    libc = ctypes.CDLL(None, use_errno=True)
    count, interrupted = 0, 0
    signal.signal(signal.SIGALRM, lambda *_: None)  # siginterrupt(3): no SA_RESTART
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    for _ in range(5000):
        one = libc.socket(2, 1, 0)
        count += one >= 0
        interrupted += one < 0
        if one >= 0:
            libc.close(one)
    print(count, interrupted)


globals()[sys.argv[1]]()
