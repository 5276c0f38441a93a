"""serve, or ask ADDRESS: 400 answers of up to 30 KB, each written corked in pieces; the asker prints how
many took longer than 30 ms."""

import random
import socket
import sys
import time

PORT = 5000


def serve():
    """Answers one client, with sockets as the library makes them."""
    listener = socket.socket()
    listener.bind(("", PORT))
    listener.listen()
    peer, _ = listener.accept()
    pieces = random.Random(5)
    while asked := peer.recv(4):
        left = int.from_bytes(asked, "big")
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        while left:
            piece = pieces.randint(1, left)
            peer.sendall(bytes(piece))
            left -= piece
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)


def ask(address):
    """How many answers are late."""
    peer = socket.create_connection((address, PORT))
    sizes, late = random.Random(2), 0
    for _ in range(400):
        size = sizes.randint(1, 30000)
        begin = time.perf_counter()
        peer.sendall(size.to_bytes(4, "big"))
        while size:
            size -= len(peer.recv(65536))
        late += time.perf_counter() - begin > 0.03
    print(late)


serve() if sys.argv[1] == "serve" else ask(sys.argv[2])
