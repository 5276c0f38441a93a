# subflow_settings.py
# Connects twice over each IP version and says of each attempt the protocol, and what the kernel
# sends by: address, device, mark and priority (as ss(8) shows it) of the TCP socket underneath.
import os, re, socket, subprocess

for family, address in ((socket.AF_INET, "10.88.88.88"), (socket.AF_INET6, "fd88::88")):
    for _ in range(2):
        s = socket.socket(family, socket.SOCK_STREAM)
        s.setblocking(False)
        try:
            s.connect((address, 9))
        except BlockingIOError:
            pass
        line = subprocess.run(
            ["ss", "-tanHe", "--tos", "dst", "[%s]" % address if ":" in address else address], capture_output=True, text=True).stdout
        near = line.split()[3].rsplit(":", 1)[0]
        mark = re.search(r"fwmark:(\S+)", line)
        priority = re.search(r"class_id:(\S+)", line)
        print(
            s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL), near,
            mark and mark[1], priority and priority[1])
        s.close()
