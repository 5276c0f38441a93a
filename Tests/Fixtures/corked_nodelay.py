"""Prints TCP_NODELAY of a socket that is corked and uncorked, as the program sets it, under another
number, and of another socket that has its number later."""

import os
import socket


def show(*sockets):
    print(*(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in sockets))


def pair():
    client = socket.create_connection(listener.getsockname())
    return client, listener.accept()[0]


def respond(answers, asks):
    """Corked, and larger than a segment."""
    answers.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    for _ in range(5):
        answers.sendall(bytes(30000))
    answers.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    left = 150000
    while left:
        left -= len(asks.recv(left))


listener = socket.create_server(("127.0.0.1", 0))
client, server = pair()
show(server)
for setting in (None, 1, 0, 1, 0):
    if setting is not None:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, setting)
    show(server)
    respond(server, client)
    copy = server.dup()
    show(server, copy)
    respond(copy, client)
    show(server, copy)
    copy.close()
if os.fork() == 0:
    respond(server, client)
    show(server)
    os._exit(0)
os.wait()
show(server)

# The number goes to a socket that was never corked, by close and by dup2.
for number in range(2):
    other_client, other = pair()
    if number == 0:
        taken = server.fileno()
        server.close()
        os.dup2(other.fileno(), taken)
        server = socket.socket(fileno=taken)
    else:
        os.dup2(other.fileno(), server.fileno())
    show(server)
    respond(server, other_client)
    show(server, other)
