# cgroup_settings.py DEVICE MARK PRIORITY COMMAND...
# Runs a command in a new cgroup (v2) whose BPF program, as that of `ip vrf exec`, binds each new
# socket to a device (its index) and sets mark and priority; 0 leaves them alone.
import ctypes, os, struct, subprocess, sys

device, mark, priority = (int(word, 0) for word in sys.argv[1:4])
libc = ctypes.CDLL(None, use_errno=True)
BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
PROG_LOAD, PROG_ATTACH = 5, 8  # linux/bpf.h
CGROUP_SOCK, INET_SOCK_CREATE, ALLOW_MULTI = 9, 2, 2


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(bytes(attributes), 128)
    result = libc.syscall(BPF, command, buffer, 128)
    if result < 0:
        sys.exit("bpf: " + os.strerror(ctypes.get_errno()))
    return result


def step(code, destination, source, offset, immediate):
    return struct.pack("<BBhi", code, source << 4 | destination, offset, immediate)


# struct bpf_sock: bound_dev_if, mark and priority at 0, 16 and 20.
steps = b"".join(
    step(0xB7, 2, 0, 0, value) + step(0x63, 1, 2, offset, 0)
    for offset, value in ((0, device), (16, mark), (20, priority)) if value)
steps += step(0xB7, 0, 0, 0, 1) + step(0x95, 0, 0, 0, 0)
program, license = ctypes.create_string_buffer(steps), ctypes.create_string_buffer(b"GPL")
load = struct.pack(
    "<IIQQ", CGROUP_SOCK, len(steps) // 8, ctypes.addressof(program), ctypes.addressof(license))
loaded = bpf(PROG_LOAD, load.ljust(68, b"\0") + struct.pack("<I", INET_SOCK_CREATE))

mount = subprocess.run(
    ["findmnt", "-nro", "TARGET", "-t", "cgroup2"], capture_output=True, text=True, check=True)
cgroup = "%s/mptcpize-test-%d" % (mount.stdout.split()[0], os.getpid())
os.mkdir(cgroup)
try:
    directory = os.open(cgroup, os.O_RDONLY)
    bpf(PROG_ATTACH, struct.pack("<IIII", directory, loaded, INET_SOCK_CREATE, ALLOW_MULTI))

    def enter():
        with open(cgroup + "/cgroup.procs", "w") as file:
            file.write(str(os.getpid()))

    status = subprocess.run(sys.argv[4:], preexec_fn=enter).returncode
finally:
    os.rmdir(cgroup)
sys.exit(status)
