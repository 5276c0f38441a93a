"""Begins connections in a network namespace in which every address is the host's own, and prints
for each line of standard input, "connect|listen ADDRESS PORT", whether the client's MPTCP socket
fell back: "tcp" or "mptcp"."""

import ipaddress
import socket
import sys

MPTCP, SOL_MPTCP, MPTCP_INFO = 262, 284, 1
FREEBIND = 15


def peer(direction, address):
    """The addresses of a listener, and the one to connect to."""
    if direction == "connect":
        return ("::", address)
    if address == "0.0.0.0" or address == "::ffff:0.0.0.0":
        return (address, "198.51.100.7")
    return (address, "2001:db8::7" if address == "::" else address)


def made(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM, MPTCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


def place(address, port):
    if ":" not in address:
        return (address, port)
    scope = 1 if ipaddress.ip_address(address).is_link_local else 0
    return (address, port, 0, scope)


def ask(direction, address, port):
    own, other = peer(direction, address)
    with made(own) as listener, made(other) as client:
        if own == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.setsockopt(socket.IPPROTO_IP, FREEBIND, 1)
        listener.bind(place(own, port))
        listener.listen()
        client.settimeout(10)
        client.connect(place(other, port))
        with listener.accept()[0]:
            try:
                client.getsockopt(SOL_MPTCP, MPTCP_INFO, 96)
                return "mptcp"
            except OSError:
                return "tcp"


for line in sys.stdin:
    words = line.split()
    print(ask(words[0], words[1], int(words[2])), flush=True)
