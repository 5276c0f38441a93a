# first_subflow_gone.py CLIENT-NAMESPACE SERVER-NAMESPACE VERSION
# Connections over two paths (scripts/lab/two-paths; VERSION 4 or 6) whose first subflow goes away,
# and what TCP_INFO says of them then: a line for each connection and moment.
import ctypes, os, socket, struct, subprocess, sys, time

client_namespace, server_namespace, version = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
SOL_MPTCP, MPTCP_INFO, IP_MTU, IPV6_MTU = 284, 1, 14, 24
STATES = {1: "ESTABLISHED", 5: "FIN_WAIT2", 7: "CLOSE", 8: "CLOSE_WAIT", 10: "LISTEN"}
v6 = version == "6"
FAMILY = socket.AF_INET6 if v6 else socket.AF_INET
NEAR, FAR = ("fd77:1::1", "fd77:1::2") if v6 else ("10.77.1.1", "10.77.1.2")


def made_in(namespace, protocol=0):
    with open("/run/netns/" + namespace) as file:
        assert libc.setns(file.fileno(), 0) == 0
    return socket.socket(FAMILY, socket.SOCK_STREAM, protocol)


def information(s, length=256):
    return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, length)


def state(s):
    return STATES[information(s, 1)[0]]


# What the kernel says, past the preload library.
def is_gone(s):
    value, length = ctypes.create_string_buffer(1), ctypes.c_uint(1)
    result = libc.getsockopt_raw(s.fileno(), 6, 11, value, ctypes.byref(length))
    return result == 0 and value.raw == b"\x07"


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, condition
        time.sleep(0.01)


def numbers(s, sent, received):
    told = information(s)
    rtt, window, mtu = (struct.unpack_from("I", told, at)[0] for at in (68, 80, 60))
    acked, got = struct.unpack_from("QQ", told, 120)
    out = struct.unpack_from("Q", told, 200)[0]
    option = (socket.IPPROTO_IPV6, IPV6_MTU) if v6 else (socket.IPPROTO_IP, IP_MTU)
    assert s.getsockopt(*option) == mtu
    return "rtt %s, window %s, MTU %d, bytes %s" % (
        rtt > 0, window > 0, mtu, acked == sent and got == received and out >= sent)


# getsockopt without the C library's function: the machine's own system call.
number = {"x86_64": 55, "aarch64": 209}[os.uname().machine]
libc.getsockopt_raw = lambda *arguments: libc.syscall(number, *arguments)

listener = made_in(server_namespace)
listener.bind((FAR, 7000))
listener.listen()
plain_listener = made_in(server_namespace, socket.IPPROTO_TCP)


def connection():
    c = made_in(client_namespace)
    c.connect((FAR, 7000))
    s = listener.accept()[0]
    c.sendall(b"hello")
    assert s.recv(5) == b"hello"
    until(lambda: all(e.getsockopt(SOL_MPTCP, MPTCP_INFO, 100)[0] >= 1 for e in (c, s)))
    return c, s


pairs = [connection() for _ in range(4)]
print("before:", *[state(e) for pair in pairs for e in pair])
subprocess.run(
    ["ip", "-n", client_namespace, "mptcp", "endpoint", "delete", "id", "0", NEAR], check=True)
until(lambda: all(is_gone(e) for pair in pairs for e in pair))
print("first subflow gone:", *[state(e) for pair in pairs for e in pair])
c, s = pairs[0]
c.sendall(b"still here")
assert s.recv(10) == b"still here"
s.sendall(b"yes")
assert c.recv(3) == b"yes"
until(lambda: struct.unpack_from("Q", c.getsockopt(SOL_MPTCP, MPTCP_INFO, 100), 72)[0] >= 15)
print("client:", numbers(c, 15, 3))
c, s = pairs[1]
c.shutdown(socket.SHUT_WR)
until(lambda: state(s) != "ESTABLISHED")
print("client has shut down:", state(c), state(s))
s.sendall(b"half")
assert c.recv(4) == b"half"
s.close()
until(lambda: c.recv(1) == b"")
until(lambda: state(c) == "CLOSE")
print("both have:", state(c))
c, s = pairs[2]
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()
until(lambda: state(c) == "CLOSE")
print("reset:", state(c))
print("listener:", state(listener))
print("fresh:", state(made_in(client_namespace)))
