# late_options.py
# Options whose meaning is known only when a socket connects or listens: the same lines over TCP and
# under the preload library, but for those that begin with "protocol".
import select, socket

USER_TIMEOUT = (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
SAVE_SYN = (socket.IPPROTO_TCP, 27)
RECVERR = (socket.IPPROTO_IP, 11)
RECVERR6 = (socket.IPPROTO_IPV6, 25)
ADDR_PREFERENCES = (socket.IPPROTO_IPV6, 72)


def protocol(what, *sockets):
    print("protocol of", what + ":", *[s.getsockopt(1, socket.SO_PROTOCOL) for s in sockets])


def new(option=None, value=0, family=socket.AF_INET):
    s = socket.socket(family)
    if option:
        s.setsockopt(*option, value)
    return s


def listening(s):
    s.bind(("::1" if s.family == socket.AF_INET6 else "127.0.0.1", 0))
    s.listen()
    return s


def connected(s, listener):
    s.connect(listener.getsockname()[:2])
    accepted = listener.accept()[0]
    s.sendall(b"x")
    assert accepted.recv(1) == b"x"
    return s, accepted


def refused(option, value, family=socket.AF_INET):
    try:
        new(option, value, family)
        print("taken")
    except OSError as error:
        print(error.strerror)


plain, plain6 = listening(new()), listening(new(family=socket.AF_INET6))
for name, option, value, family in (
        ("TCP_USER_TIMEOUT", USER_TIMEOUT, 5000, socket.AF_INET),
        ("TCP_USER_TIMEOUT, v6", USER_TIMEOUT, 5000, socket.AF_INET6),
        ("IP_RECVERR", RECVERR, 1, socket.AF_INET), ("IPV6_RECVERR", RECVERR6, 1, socket.AF_INET6),
        ("IPV6_ADDR_PREFERENCES", ADDR_PREFERENCES, 1, socket.AF_INET6),
        ("TCP_SAVE_SYN", SAVE_SYN, 1, socket.AF_INET)):
    s = new(option, value, family)
    print(name, s.getsockopt(*option), s.dup().getsockopt(*option))
    protocol(name + ", set", s)
    listening(s)
    print("listening", s.getsockopt(*option))
    protocol(name + ", listening", s)
    protocol(name + ", its connections", *connected(new(family=family), s))

    s = new(option, value, family)
    s.setblocking(False)
    copy, poll = s.dup(), select.epoll()
    poll.register(copy)
    print("polled", [hex(event) for _, event in poll.poll(0)])
    s.setblocking(True)
    c, a = connected(s, plain6 if family == socket.AF_INET6 else plain)
    print("connected", c.getsockopt(*option), copy.getsockopt(*option))
    protocol(name + ", connected", c, copy)
    a.sendall(b"y")
    print(sorted({descriptor == copy.fileno() for descriptor, _ in poll.poll()}), copy.recv(1))

s = new(USER_TIMEOUT, 7000)
s.setsockopt(*USER_TIMEOUT, 0)
print("taken back", s.getsockopt(*USER_TIMEOUT))
protocol("what was taken back", connected(s, plain)[0])
s = new(USER_TIMEOUT, 7000)
s.setsockopt(*RECVERR, 1)
c = connected(s, plain)[0]
print("both", c.getsockopt(*USER_TIMEOUT), c.getsockopt(*RECVERR))
protocol("both", c)
c.setsockopt(*USER_TIMEOUT, 8000)
print("set again", c.getsockopt(*USER_TIMEOUT))
refused(USER_TIMEOUT, -5)
refused(SAVE_SYN, 3)
refused(ADDR_PREFERENCES, 3, socket.AF_INET6)
