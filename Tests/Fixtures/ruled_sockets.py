"""Uses sockets in many ways, and tells of each what it is: SO_PROTOCOL, and what it kept.

With the argument "expecting", each of it behind many connections to 127.0.0.9, in a process of its
own; and what socket() makes then."""

import ctypes
import errno
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import sys

MPTCP = 262
FASTOPEN = 0x20000000
# x86-64, and AArch64 (asm-generic/unistd.h).
RAW_CLOSE, RAW_DUP, RAW_SETSOCKOPT = (
    (3, 32, 54) if platform.machine() == "x86_64" else (57, 23, 208))
NAMES = {socket.IPPROTO_TCP: "tcp", MPTCP: "mptcp", socket.IPPROTO_UDP: "udp"}


def raw(number, *arguments):
    """A system call by syscall(2)."""
    return ctypes.CDLL(None).syscall(number, *arguments)


def kind(sock):
    """What a socket is by its number."""
    return NAMES[sock.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL)]


def listener(host="127.0.0.1"):
    """A listening socket on a port of the kernel's choice."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind((host, 0))
    sock.listen(8)
    return sock


SERVER = listener()
ADDRESS = SERVER.getsockname()


def finish(sock):
    """Waits until it is connected; then a byte each way."""
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    poll.poll(10000)
    peer, _ = SERVER.accept()
    sock.setblocking(True)
    sock.sendall(b"a")
    assert peer.recv(1) == b"a"
    peer.sendall(b"b")
    assert sock.recv(1) == b"b"
    return peer


def client(protocol=0, flags=0):
    """A socket as programs make them."""
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM | flags, protocol)


def plainly():
    sock = client()
    sock.connect(ADDRESS)
    yield kind(sock), kind(finish(sock))


def with_options():
    sock = client()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, b"\x05" + bytes(15))
    sock.setblocking(False)
    fcntl.fcntl(sock, fcntl.F_SETFD, 0)
    try:
        sock.connect(ADDRESS)
    except BlockingIOError:
        pass
    yield kind(sock), os.get_inheritable(sock.fileno()), sock.getblocking()
    finish(sock)
    for level, name in ((socket.IPPROTO_TCP, socket.TCP_NODELAY),
                        (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)):
        yield sock.getsockopt(level, name)
    yield sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, 16)[0]


def in_one_set():
    sock = client()
    sock.setblocking(False)
    epoll = select.epoll()
    epoll.register(sock, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
    sock.connect_ex(ADDRESS)
    peer, _ = SERVER.accept()
    seen = 0
    while not seen & select.EPOLLOUT or seen & select.EPOLLHUP:
        seen = dict(epoll.poll(10)).get(sock.fileno(), 0)
    peer.sendall(b"x")
    while not seen & select.EPOLLIN:
        seen |= dict(epoll.poll(10)).get(sock.fileno(), 0)
    epoll.unregister(sock)
    sock.close()
    yield "in a set", not epoll.poll(0)


def modified_and_removed():
    sock = client()
    epoll = select.epoll()
    epoll.register(sock, select.EPOLLIN)
    epoll.modify(sock, select.EPOLLOUT)
    sock.connect(ADDRESS)
    yield kind(sock), dict(epoll.poll(10)) == {sock.fileno(): select.EPOLLOUT}
    other = client()
    epoll.register(other, select.EPOLLIN)
    epoll.unregister(other)
    other.connect(ADDRESS)
    epoll.register(other, select.EPOLLOUT)
    yield kind(other), other.fileno() in dict(epoll.poll(10))
    SERVER.accept()[0].close()
    SERVER.accept()[0].close()


def in_two_sets():
    sock = client()
    sets = [select.epoll(), select.epoll()]
    for epoll in sets:
        epoll.register(sock, select.EPOLLOUT)
    sock.connect(ADDRESS)
    yield kind(sock), [dict(epoll.poll(10)) == {sock.fileno(): 4} for epoll in sets]
    finish(sock)


def once():
    sock = client()
    epoll = select.epoll()
    epoll.register(sock, select.EPOLLIN | select.EPOLLONESHOT)
    epoll.poll(1)
    sock.connect(ADDRESS)
    finish(sock)
    # One that has fired cannot be made again, so that this one stays what it is.
    yield kind(sock), epoll.poll(0)


def several_numbers():
    for copy in (lambda s: socket.socket(fileno=os.dup(s.fileno())),
                 lambda s: socket.socket(fileno=fcntl.fcntl(s, fcntl.F_DUPFD, 100)),
                 lambda s: socket.socket(fileno=os.dup2(s.fileno(), 120)), through_a_message,
                 lambda s: socket.socket(fileno=raw(RAW_DUP, s.fileno()))):
        sock = client()
        other = copy(sock)
        sock.connect(ADDRESS)
        finish(other)
        yield kind(sock), kind(other)


def through_a_message(sock):
    """Another number, by way of a UNIX socket."""
    near, far = socket.socketpair(socket.AF_UNIX)
    socket.send_fds(near, [b"x"], [sock.fileno()])
    return socket.socket(fileno=socket.recv_fds(far, 1, 1)[1][0])


def kept():
    sock = client()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 9)
    sock.connect(ADDRESS)
    yield kind(sock), sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    finish(sock)
    other = client()
    value = struct.pack("i", 1)
    raw(RAW_SETSOCKOPT, other.fileno(), socket.SOL_SOCKET, socket.SO_KEEPALIVE, value, len(value))
    other.connect(ADDRESS)
    yield kind(other), other.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    finish(other)


def reused_number():
    first = client()
    number = first.fileno()
    raw(RAW_CLOSE, number)
    first.detach()
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    yield other.fileno() == number
    other.connect(ADDRESS)
    yield kind(other)


def owned():
    sock = client()
    fcntl.fcntl(sock, fcntl.F_SETOWN, os.getpid())
    sock.connect(ADDRESS)
    yield kind(sock), fcntl.fcntl(sock, fcntl.F_GETOWN) == os.getpid()
    finish(sock)
    got = []
    signal.signal(signal.SIGIO, lambda *_: got.append(1))
    sock = client()
    fcntl.fcntl(sock, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(sock, fcntl.F_SETFL, os.O_ASYNC)
    sock.connect(ADDRESS)
    finish(sock)
    yield kind(sock), bool(got)
    # The peer's end is a signal too, whenever it comes.
    sock.close()
    signal.signal(signal.SIGIO, signal.SIG_DFL)


def bound():
    sock = client()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.5", 0))
    port = sock.getsockname()[1]
    sock.connect(ADDRESS)
    yield kind(sock), sock.getsockname() == ("127.0.0.5", port)
    finish(sock)


def of_its_own():
    sock = client(MPTCP)
    yield kind(sock)
    sock.connect(ADDRESS)
    yield kind(sock)
    finish(sock)


def again():
    closed = listener()
    nobody = closed.getsockname()
    closed.close()
    sock = client()
    yield sock.connect_ex(nobody) == errno.ECONNREFUSED, kind(sock)
    yield sock.connect_ex(ADDRESS), kind(sock)
    finish(sock)


def fast_open():
    sock = client()
    yield sock.sendto(b"a", FASTOPEN, ADDRESS), kind(sock)
    other = client()
    yield other.sendmsg([b"a"], [], FASTOPEN, ADDRESS), kind(other)
    SERVER.accept()[0].close()
    SERVER.accept()[0].close()


def bad_pointers():
    libc = ctypes.CDLL(None, use_errno=True)
    for pointer, length in ((8, 16), (None, 16), (8, 1 << 31)):
        sock = client()
        result = libc.connect(sock.fileno(), ctypes.c_void_p(pointer), ctypes.c_uint(length))
        yield result, errno.errorcode[ctypes.get_errno()]


def families():
    server = listener("::1")
    sock = socket.socket(socket.AF_INET6)
    sock.connect(server.getsockname())
    yield kind(server), kind(sock), kind(server.accept()[0])
    mapped = socket.socket(socket.AF_INET6)
    mapped.connect(("::ffff:127.0.0.1", ADDRESS[1]))
    yield kind(mapped), kind(finish(mapped))


def listeners():
    wide = listener("0.0.0.0")
    sock = client()
    sock.connect(("127.0.0.1", wide.getsockname()[1]))
    yield kind(wide), kind(sock), kind(wide.accept()[0])
    never_bound = client()
    never_bound.listen()
    yield kind(never_bound)
    never_bound.listen(3)


def child():
    sock = client()
    if os.fork() == 0:
        sock.connect(ADDRESS)
        sock.sendall(kind(sock).encode())
        os._exit(0)
    peer, _ = SERVER.accept()
    data = peer.recv(10).decode()
    os.wait()
    yield data, kind(sock)


def expect():
    """Connections enough that the library expects the next one to be as they were."""
    server = listener("127.0.0.9")
    port = server.getsockname()[1]
    for family, host in ((socket.AF_INET, "127.0.0.9"), (socket.AF_INET6, "::ffff:127.0.0.9")):
        for _ in range(20):
            with socket.socket(family) as sock:
                sock.connect((host, port))
                server.accept()[0].close()
    server.close()


def made():
    yield kind(client()), kind(socket.socket(socket.AF_INET6))


def tell(scenario):
    words = [" ".join(map(str, result)) if isinstance(result, tuple) else str(result)
             for result in scenario()]
    print(f"{scenario.__name__}: {', '.join(words)}", flush=True)


SCENARIOS = (plainly, with_options, in_one_set, modified_and_removed, in_two_sets, once,
             several_numbers, kept, reused_number, owned, bound, of_its_own, again, fast_open,
             bad_pointers, families, listeners, child)
if sys.argv[1:] != ["expecting"]:
    for each in SCENARIOS:
        tell(each)
    sys.exit(0)
for each in SCENARIOS + (made,):
    process = os.fork()
    if process == 0:
        expect()
        tell(each)
        os._exit(0)
    if os.waitpid(process, 0)[1]:
        sys.exit(1)
