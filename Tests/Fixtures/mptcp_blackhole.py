"""A network that drops SYNs with the MPTCP option, and a peer behind it that takes any other.

Makes the TUN device "hole" in its network namespace and answers there, for all addresses and
ports, with a SYN-ACK to each SYN without TCP option 30 (MPTCP, RFC 8684), and with nothing to
anything else.
"""

import fcntl
import os
import struct
import subprocess

TUNSETIFF = 0x400454CA
IFF_TUN_WITHOUT_HEADER = 0x1001
SYN, SYN_ACK = 0x02, 0x12
MPTCP = 30


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def option_kinds(options):
    while options and options[0] != 0:
        yield options[0]
        options = options[1:] if options[0] == 1 else options[max(options[1], 2):]


def answer(packet):
    header = (packet[0] & 15) * 4
    source, destination = packet[12:16], packet[16:20]
    tcp = packet[header:]
    here, there, sequence = struct.unpack("!HHI", tcp[:8])
    if tcp[13] != SYN or MPTCP in option_kinds(tcp[20:(tcp[12] >> 4) * 4]):
        return None
    reply = struct.pack("!HHIIBBHHH", there, here, 1000, sequence + 1, 5 << 4, SYN_ACK, 65535, 0, 0)
    pseudo = destination + source + struct.pack("!BBH", 0, 6, len(reply))
    reply = reply[:16] + struct.pack("!H", checksum(pseudo + reply)) + reply[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(reply), 0, 0, 64, 6, 0) + destination + source
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + reply


tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"hole", IFF_TUN_WITHOUT_HEADER))
subprocess.run(["ip", "address", "add", "10.8.0.1/24", "dev", "hole"], check=True)
subprocess.run(["ip", "link", "set", "hole", "up"], check=True)
print("ready", flush=True)
while True:
    packet = os.read(tun, 65536)
    if packet[0] >> 4 == 4 and packet[9] == 6:
        reply = answer(packet)
        if reply:
            os.write(tun, reply)
