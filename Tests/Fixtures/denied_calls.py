# A server and a client, both in this process; prints what became of each call, and the protocols of
# the sockets (6, 262) afterwards.
#
#   denied_calls.py [WORD…]   nonblocking: the sockets are; own: it asks for MPTCP itself; port: the
#                             server binds to port 1; refused: nobody listens; watched: the sockets
#                             are in an epoll set and open under two numbers; sendto, sendmsg: the
#                             client connects by one with MSG_FASTOPEN
import errno
import os
import select
import socket
import sys

words = sys.argv[1:]
protocol = 262 if "own" in words else 0


def protocol_of(one):
    return one.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL)


def say(name, call, *arguments):
    try:
        call(*arguments)
        print(name, "0")
        return True
    except OSError as error:
        print(name, errno.errorcode[error.errno])
        return error.errno == errno.EINPROGRESS


def make():
    one = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    one.setblocking("nonblocking" not in words)
    if "watched" in words:
        events.register(one, select.EPOLLIN)
        copies.append(os.dup(one.fileno()))
    return one


def connect(address):
    if "sendto" in words:
        assert client.sendto(b"first", socket.MSG_FASTOPEN, address) == 5
    elif "sendmsg" in words:
        assert client.sendmsg([b"fi", b"rst"], [], socket.MSG_FASTOPEN, address) == 5
    else:
        client.connect(address)


def talk(client, peer):
    client.setblocking(True)
    if {"sendto", "sendmsg"} & set(words) and "nonblocking" not in words:
        assert peer.recv(6) == b"first"
    peer.sendall(b"hello")
    assert client.recv(5) == b"hello"
    client.sendall(b"x")
    if "watched" in words:
        assert [(client.fileno(), select.EPOLLIN)] != events.poll(0)
        peer.sendall(b"y")
        assert events.poll(5) == [(client.fileno(), select.EPOLLIN)]
        assert os.read(copies[1], 1) == b"y"
    print("talk", protocol_of(peer))


events = select.epoll()
copies = []
server, client = make(), make()
say("bind", server.bind, ("127.0.0.1", 1 if "port" in words else 0))
if "refused" not in words:
    say("listen", server.listen)
if say("connect", connect, server.getsockname()) and "refused" not in words:
    select.select([server], [], [], 5)
    talk(client, server.accept()[0])
elif "nonblocking" in words:
    select.select([], [client], [], 5)
    print("error", errno.errorcode.get(client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)))
print("server", protocol_of(server), "client", protocol_of(client))
print("keepalive", client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
