"""late_error.py [tcp]: how soon writes fail after the peer has closed.

Over TCP at once. Over MPTCP after 60 s, though the end of file can be read at once. Prints
both times in seconds. `docs/LIMITS.md` explains them.
"""

import select
import socket
import sys
import time

protocol = socket.IPPROTO_TCP if "tcp" in sys.argv else 262
listener = socket.socket(proto=protocol)
listener.bind(("127.0.0.1", 0))
listener.listen()
client = socket.socket(proto=protocol)
client.connect(listener.getsockname())
listener.accept()[0].close()
began = time.monotonic()
if client.recv(1) == b"":
    print(f"end of file after {time.monotonic() - began:.1f} s", flush=True)
try:
    while True:
        client.send(b"data")
        select.select([], [], [], 0.1)
except OSError as error:
    print(f"{error.strerror} after {time.monotonic() - began:.1f} s")
