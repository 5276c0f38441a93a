#!/usr/bin/env python3
"""timed_transfers PROTOCOL BYTES COUNT READ BUFFER: connections over loopback, one after another, each
of which takes so many bytes; prints the seconds of each. PROTOCOL: what socket() is asked for, 0 or 262.
READ: bytes asked for at a time. BUFFER: SO_RCVBUF of the reader, 0 to leave it alone."""

import socket
import sys
import threading
import time

protocol, size, count, read, buffer = map(int, sys.argv[1:])
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
if buffer:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
listener.bind(("127.0.0.1", 0))
listener.listen()


def send():
    """The other end: it closes when the reader has said that it has all."""
    data = bytes(65536)
    for _ in range(count):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol) as sock:
            sock.connect(listener.getsockname())
            left = size
            while left:
                left -= sock.send(data[:min(left, len(data))])
            sock.recv(1)


threading.Thread(target=send, daemon=True).start()
into = bytearray(read)
for _ in range(count):
    peer, _ = listener.accept()
    left, begin = size, time.perf_counter()
    while left:
        got = peer.recv_into(into)
        if not got:
            sys.exit("the sender has gone")
        left -= got
    print(time.perf_counter() - begin)
    peer.send(b"x")
    peer.close()
