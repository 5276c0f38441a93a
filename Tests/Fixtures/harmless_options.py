# harmless_options.py DEVICE
# Sets options of connected sockets to what they are, and to nothing where they are nothing: over TCP
# that changes nothing. One line for each.
import socket, struct, sys

SO_BINDTODEVICE, SO_BINDTOIFINDEX, SO_PEEK_OFF, IP_LOCAL_PORT_RANGE = 25, 62, 42, 51
device = sys.argv[1].encode()


def connection(family, bound):
    listener = socket.socket(family)
    listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    listener.listen()
    c = socket.socket(family)
    if bound:
        c.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, device)
    c.connect(listener.getsockname()[:2])
    a = listener.accept()[0]
    c.sendall(b"x")
    a.recv(1)
    return c, a


def tried(s, level, option, *value):
    try:
        s.setsockopt(level, option, *value)
        return "set"
    except OSError as error:
        return error.strerror


for family in (socket.AF_INET, socket.AF_INET6):
    for bound in (False, True):
        for s in connection(family, bound):
            index = s.getsockopt(socket.SOL_SOCKET, SO_BINDTOIFINDEX)
            name = device if index else b""
            for value in (name, name + b"\0", name + b"\0more"):
                print(family, bound, value, tried(s, socket.SOL_SOCKET, SO_BINDTODEVICE, value))
            if not index:
                print("NULL", tried(s, socket.SOL_SOCKET, SO_BINDTODEVICE, None, 0))
                print("0", tried(s, socket.SOL_SOCKET, SO_BINDTODEVICE, 0))
            print("index", tried(s, socket.SOL_SOCKET, SO_BINDTOIFINDEX, index))
            print("peek", tried(s, socket.SOL_SOCKET, SO_PEEK_OFF, -1))
            print("peek", s.getsockopt(socket.SOL_SOCKET, SO_PEEK_OFF))
            nothing = struct.pack("I", 0)
            print("ports", tried(s, socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, nothing))
            print("after", s.getsockopt(socket.SOL_SOCKET, SO_BINDTOIFINDEX) == index)
