# A service as sd-daemon(3) means it: takes the listening socket of its socket unit, says when it is
# ready, feeds the watchdog. A client sends one command and is answered one line.
#
#   environment      "NAME NAME …" of what names this process
#   exit N           ends with that status, after STOPPING=1
#   status-of-child  a child tells a STATUS= and waits until the manager has read it
#   store            gives the manager a descriptor to keep (FDSTORE=1)
#   hang             feeds the watchdog no more
import array
import os
import select
import socket
import sys
import time


def notify(text, *descriptors):
    address = os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        client.sendmsg([text.encode()], rights if descriptors else [], 0, address)


def barrier():
    # sd_notify_barrier(3)
    reader, writer = os.pipe()
    notify("BARRIER=1", writer)
    os.close(writer)
    return bool(select.select([reader], [], [], 10)[0])


def names_us(name):
    value = os.environ.get(name)
    if name == "LISTEN_PIDFDID" and value:
        pidfd = os.pidfd_open(os.getpid())
        return int(value) == os.fstat(pidfd).st_ino
    return value == str(os.getpid())


def answer(command, client):
    if command == "environment":
        names = ["LISTEN_PID", "LISTEN_PIDFDID", "WATCHDOG_PID", "SYSTEMD_EXEC_PID"]
        return " ".join(name for name in names if names_us(name))
    if command.startswith("exit "):
        notify("STOPPING=1\nSTATUS=ending")
        os._exit(int(command.split()[1]))
    if command == "status-of-child":
        child = os.fork()
        if child == 0:
            notify("STATUS=of a child")
            os._exit(0 if barrier() else 1)
        return f"status {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}"
    if command == "store":
        notify("FDSTORE=1\nFDNAME=kept", client.fileno())
        return f"{barrier()}"
    if command == "hang":
        client.sendall(b"hung\n")
        time.sleep(600)
    return "?"


def main():
    count = int(os.environ.get("LISTEN_FDS", 0)) if names_us("LISTEN_PID") else 0
    if count:
        listener = socket.socket(fileno=3)
    else:
        listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    notify(f"READY=1\nMAINPID={os.getpid()}\nSTATUS=ready, {count} handed over")
    interval = int(os.environ.get("WATCHDOG_USEC", 0)) / 4e6 if names_us("WATCHDOG_PID") else None
    while True:
        if interval:
            notify("WATCHDOG=1")
        if not select.select([listener], [], [], interval)[0]:
            continue
        client, _ = listener.accept()
        with client:
            client.sendall((answer(client.recv(100).decode().strip(), client) + "\n").encode())


main()
