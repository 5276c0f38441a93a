# adopted_socket.py [own]
# Makes a listener and hands it, by its number, to a new image of itself, as systemd's activation
# does: an asyncio server that says what it makes of it. With "own", the listener is one that asked
# for MPTCP.
import asyncio, os, socket, sys


def protocol(s):
    return s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL)


async def serve(listener):
    said = asyncio.Event()

    async def accepted(reader, writer):
        s = writer.get_extra_info("socket")
        print("accepted:", s.proto, "TCP_NODELAY", s.getsockopt(socket.IPPROTO_TCP, 1))
        writer.close()
        said.set()

    server = await asyncio.start_server(accepted, sock=listener)
    port = listener.getsockname()[1]
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    await said.wait()
    writer.close()
    s = socket.socket(fileno=socket.socket().detach())
    s.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(s, ("localhost", port))
        print("sock_connect: done")
    except OSError as error:
        print("sock_connect:", type(error).__name__)
    server.close()


if sys.argv[1:2] == ["adopt"]:
    asyncio.run(serve(socket.socket(fileno=int(sys.argv[2]))))
else:
    own = sys.argv[1:] == ["own"]
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262 if own else 0)
    if own:
        c = socket.socket()
        print("asked for:", protocol(listener), protocol(listener.dup()), "beside", protocol(c))
    else:
        lengths = [socket.SOL_SOCKET, socket.SO_PROTOCOL]
        print("read:", protocol(listener), [listener.getsockopt(*lengths, n) for n in (1, 2, 8)])
        datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        print("others:", protocol(datagram), protocol(socket.socketpair()[0]))
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.set_inheritable(True)
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, sys.argv[0], "adopt", str(listener.fileno())])
