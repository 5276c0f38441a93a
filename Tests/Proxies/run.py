"""run.py NAME MEGABYTES MPTCPIZE [OPTION…]: moves as much through a proxy, down and up, and
compares checksums.

The proxy runs under mptcpize, with these options of `run`; the server behind it and the client, curl,
do or do not, so that each of the two connections is once TCP and once MPTCP. To be run in a network
namespace of its own, with lo up. Prints a line for each transfer, with the number of MPTCP connections
that were accepted.
"""

import contextlib
import hashlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

from proxies import PROXIES  # noqa: E402
from proxy import BACK, FRONT  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 60  # seconds for one transfer, or for a program to listen


def digest_of(stream):
    """The SHA-256 of all that can be read."""
    digest = hashlib.sha256()
    while data := stream.read(1 << 18):
        digest.update(data)
    return digest.hexdigest()


def write_data(file, size):
    """Bytes of which no two stretches are the same."""
    source = random.Random(size).randbytes(2 << 20)
    with open(file, "wb") as data:
        for number in range(size >> 20):
            start = number * 7919 % (1 << 20)
            data.write(source[start : start + (1 << 20)])


def wait_for(port, process):
    """Waits for a listener without connecting to it: connections are counted."""
    wanted, end = f":{port:04X} 00000000:0000 0A ", time.monotonic() + PATIENCE
    while wanted not in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii"):
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"nobody listens on port {port}: {process.args}")
        time.sleep(0.005)


def accepted_connections():
    """How many MPTCP connections were accepted in this network namespace."""
    text = pathlib.Path("/proc/net/netstat").read_text(encoding="ascii")
    names, values = (line.split() for line in text.splitlines() if line.startswith("MPTcpExt:"))
    return int(dict(zip(names, values))["MPCapableACKRX"])


class Run:
    """The programs of one run, in a directory of their own."""

    def __init__(self, directory, name, size, mptcpize, *options):
        self.directory, self.under = directory, [mptcpize, "run", *options, "--"]
        self.proxy, self.running = PROXIES[name](), []
        self.big = f"{directory}/big"
        write_data(self.big, size)
        with open(self.big, "rb") as file:
            self.digest = digest_of(file)

    def placed(self, words):
        """A command with the directory in its place."""
        return [word.replace("%DIR%", self.directory) for word in words]

    def start(self, words, under):
        """Starts a program, under mptcpize or not, that ends with this run."""
        words = (self.under if under else []) + self.placed(words)
        # A group of its own, for its children end with it.
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        )
        self.running.append(process)
        return process

    def start_all(self):
        """The servers, then the proxy."""
        for name, text in self.proxy.files.items():
            path = pathlib.Path(self.directory, name)
            path.write_text(text.replace("%DIR%", self.directory), encoding="utf-8")
        for words in self.proxy.preparation:
            subprocess.run(self.placed(words), check=True, stdout=subprocess.DEVNULL)
        for kind, port in BACK.items():
            server = self.proxy.server(kind) or [
                sys.executable, f"{HERE}/server.py", str(port), self.big,
            ]
            wait_for(port, self.start(server, kind == "mptcp"))
        for words, port in self.proxy.programs:
            wait_for(port, self.start(words, True))

    def transfer(self, client, server, way):
        """One request; what became of it."""
        command = ["curl", "--silent", "--show-error", "--max-time", str(self.proxy.patience)]
        command += ["-H", "Expect:"]
        command += self.proxy.client_options(server)
        if way == "up":
            command += ["-T", self.big]
        words = (self.under if client == "mptcp" else []) + command + [self.proxy.url(server)]
        before = accepted_connections()
        with subprocess.Popen(words, stdout=subprocess.PIPE) as curl:
            got = digest_of(curl.stdout) if way == "down" else curl.stdout.read().decode()
        result = "same" if got == self.digest else f"NOT THE SAME (curl: {curl.returncode})"
        return f"{result}, {accepted_connections() - before} MPTCP"

    def transfers(self):
        """All of them."""
        for server in BACK:
            for client in FRONT:
                for way in "down", "up":
                    for _ in range(self.proxy.attempts):
                        result = self.transfer(client, server, way)
                        if result.startswith("same"):
                            break
                    print(f"client {client}, server {server}, {way}: {result}", flush=True)

    def stop(self):
        """Ends all programs."""
        for process in reversed(self.running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def main():
    """Makes a run."""
    _, name, megabytes, *words = sys.argv
    directory = tempfile.mkdtemp()
    os.chmod(directory, 0o755)  # for programs that give up root
    run = Run(directory, name, int(megabytes) << 20, *words)
    try:
        run.start_all()
        run.transfers()
    finally:
        run.stop()
        shutil.rmtree(directory)


main()
