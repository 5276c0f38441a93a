# Sends to a service's notification socket from outside of its unit.
#
#   notifying_stranger.py PID STATUS [CGROUP]
#
# PID: of the service; CGROUP: a directory to go into first. With the message comes a connection
# whose last close blocks for 30 s: the peer does not read what was written (SO_LINGER).
import array
import os
import signal
import socket
import struct
import sys
import time

pid, status, *group = sys.argv[1:]
if group:
    os.makedirs(group[0], exist_ok=True)
    with open(f"{group[0]}/cgroup.procs", "w", encoding="ascii") as procs:
        procs.write(str(os.getpid()))
with open(f"/proc/{pid}/environ", "rb") as environ:
    variables = dict(entry.split(b"=", 1) for entry in environ.read().split(b"\0") if entry)
address = variables[b"NOTIFY_SOCKET"].decode().replace("@", "\0", 1)

listener = socket.create_server(("127.0.0.1", 0))
connection = socket.create_connection(listener.getsockname())
peer, _ = listener.accept()
connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 30))
connection.setblocking(False)
try:
    while connection.send(bytes(65536)):
        pass
except BlockingIOError:
    pass
if os.fork() == 0:
    # The peer stays: without it, the connection would be gone at once.
    connection.close()
    os.close(1)
    os.close(2)
    time.sleep(60)
    os._exit(0)
# Whoever receives is to be the last who has it, so nothing is received until it is closed here.
with open(f"/proc/{pid}/status", encoding="utf-8") as file:
    receiver = next(int(line.split()[1]) for line in file if line.startswith("PPid:"))
os.kill(receiver, signal.SIGSTOP)
rights = array.array("i", [connection.fileno()])
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
    client.sendmsg([f"STATUS={status}".encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)],
                   0, address)
connection.close()
os.kill(receiver, signal.SIGCONT)
