"""Threads that connect at once, to 127.0.0.9 and to 127.0.0.1, with sockets used in various ways before.

Prints how many connections to either there were, and what is wrong with those: one that does not carry
data, one to 127.0.0.1 that is TCP, one to 127.0.0.9 that is MPTCP. A socket that has an address is
replaced by another way, which other threads may keep from it: those count for data only."""

import random
import select
import socket
import threading

RULED, OTHER = "127.0.0.9", "127.0.0.1"
THREADS, ROUNDS = 8, 100
wrong, counts = [], {RULED: 0, OTHER: 0}


def serve(host):
    server = socket.create_server((host, 0), backlog=512)

    def echo():
        while True:
            peer, _ = server.accept()
            with peer:
                peer.sendall(peer.recv(16))
    for _ in range(2):
        threading.Thread(target=echo, daemon=True).start()
    return server.getsockname()


def connect(host, chance):
    sock, events, is_bound = socket.socket(), None, chance.random() < 0.1
    with sock:
        if chance.random() < 0.3:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if is_bound:
            sock.bind(("127.0.0.1", 0))
        if chance.random() < 0.3:
            events = select.epoll()
            events.register(sock, select.EPOLLIN | select.EPOLLET)
        if chance.random() < 0.5:
            sock.setblocking(False)
        sock.connect_ex(addresses[host])
        select.select([], [sock], [], 30)
        sock.setblocking(True)
        protocol = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL)
        sock.sendall(b"hello")
        assert not events or events.poll(30), "no event"
        assert sock.recv(16) == b"hello", "no answer"
        if protocol != (6 if host == RULED else 262) and not is_bound:
            raise AssertionError(f"protocol {protocol}")


def client(seed):
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        # Rows of one kind are what the library goes by.
        for _ in range(chance.choice((1, 1, 3, 20))):
            host = RULED if chance.random() < 0.95 else OTHER
            try:
                connect(host, chance)
            except (OSError, AssertionError) as error:
                wrong.append(f"{host}: {error!r}")
            counts[host] += 1


addresses = {host: serve(host) for host in counts}
clients = [threading.Thread(target=client, args=(seed,)) for seed in range(THREADS)]
for one in clients:
    one.start()
for one in clients:
    one.join()
print(all(counts.values()), sorted(set(wrong)))
