"""The place where the programs run: a network namespace and a folder of its own, and
everything that was started there, removed at the end whatever happens."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MPTCPIZE_BUILD", ROOT / "build"))
OURS = str(BUILD / "bin" / "mptcpize")
# The whole command. Where it is built beside OURS, that is the program that starts others.
STARTER_IS_BUILT = (BUILD / "libexec" / "mptcpize").exists()
WHOLE = str(BUILD / ("libexec" if STARTER_IS_BUILT else "bin") / "mptcpize")
# The C tool of the same name, from the package that bootstrap installs.
ESTABLISHED = "/usr/bin/mptcpize"
NATIVE = "native MPTCP"
CPU = os.uname().machine
LIBRARY = str(BUILD / "lib" / f"{CPU}-linux-gnu" / "mptcpize" / "libmptcpize.so")


class Unavailable(Exception):
    """Something cannot be measured here, and why: it becomes what its row says."""


def need(*programs):
    """Paths of programs, also of those that are in root's PATH only."""
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    found = [shutil.which(program, path=path) for program in programs]
    for program, where in zip(programs, found):
        if not where:
            raise Unavailable(f"{program} is not installed: scripts/bootstrap bench")
    return found[0] if len(found) == 1 else found


class Lab:
    """A context manager; `run` and `start` execute inside of the namespace."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mptcpize-bench-"))
        # Servers that give up root have to reach their files.
        self.folder.chmod(0o755)
        # What is remembered of reports goes with the rest.
        os.environ["XDG_STATE_HOME"] = str(self.folder)
        self.namespaces = []
        self.processes = []
        self.ports = iter(range(18400, 19400))
        self.home = self.namespace()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A second Ctrl-C would leave the rest behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for process in list(self.processes):
            self.stop(process)
        for name in self.namespaces:
            subprocess.run(["ip", "netns", "delete", name], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def namespace(self, mptcp=True):
        """The words before a command that has it run in a new namespace, with loopback.
        None of them without root: then it is the machine's own loopback."""
        if os.geteuid() != 0:
            if not mptcp:
                raise Unavailable("needs root, for a network namespace")
            return []
        name = f"mptcpize-{os.getpid()}-bench{len(self.namespaces)}"
        subprocess.run([need("ip"), "netns", "add", name], check=True)
        self.namespaces.append(name)
        inside = [need("nsenter"), f"--net=/run/netns/{name}", "--"]
        subprocess.run([need("ip"), "-n", name, "link", "set", "lo", "up"], check=True)
        setting = f"echo {int(mptcp)} >/proc/sys/net/mptcp/enabled"
        subprocess.run(inside + ["sh", "-c", setting], check=False, stderr=subprocess.DEVNULL)
        return inside

    def run(self, command, inside=None, timeout=60, **options):
        """What it printed. Unavailable if it failed, with its last words."""
        inside = self.home if inside is None else inside
        options.setdefault("stderr", subprocess.PIPE)
        try:
            done = subprocess.Popen(
                inside + command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                start_new_session=True, cwd=self.folder, **options)
        except OSError as failure:
            raise Unavailable(f"{name_of(command)}: {failure.strerror}") from None
        self.processes.append(done)
        try:
            output, errors = done.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.stop(done)
            raise Unavailable(f"{name_of(command)} did not end within {timeout} s") from None
        self.processes.remove(done)
        if done.returncode != 0:
            words = ((errors or "") + output).strip().splitlines()
            raise Unavailable(
                f"{name_of(command)} failed: {words[-1] if words else done.returncode}")
        return output

    def start(self, command, port=None, inside=None):
        """A server, once it listens on its port."""
        inside = self.home if inside is None else inside
        log = self.folder / f"log-{len(self.processes)}-{port}"
        with open(log, "wb") as sink:
            process = subprocess.Popen(
                inside + command, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL,
                start_new_session=True, cwd=self.folder)
        self.processes.append(process)
        deadline = time.monotonic() + 30
        while port and not self.listens(process.pid, port):
            if process.poll() is not None or time.monotonic() > deadline:
                words = log.read_text(errors="replace").strip().splitlines()
                raise Unavailable(
                    f"{name_of(command)} did not start: {words[-1] if words else 'no word of it'}")
            time.sleep(0.02)
        return process

    @staticmethod
    def listens(pid, port):
        """By /proc: a connection made to find out would be one of the server's."""
        for table in ("tcp", "tcp6"):
            try:
                lines = open(f"/proc/{pid}/net/{table}", encoding="ascii").readlines()[1:]
            except OSError:
                continue
            if any(f[1].endswith(f":{port:04X}") and f[3] == "0A"
                   for f in (line.split() for line in lines)):
                return True
        return False

    def stop(self, process):
        """Ends a process and its group. Of PostgreSQL, whose children leave the group, the
        parent ends them."""
        for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
                process.wait(5)
                break
            except ProcessLookupError:
                process.wait()
                break
            except subprocess.TimeoutExpired:
                continue
        if process in self.processes:
            self.processes.remove(process)

    def launchers(self):
        """What is compared: the words before a command, by the name of the column."""
        found = {"TCP": [], "mptcpize": [OURS, "run"], NATIVE: self.native()}
        if os.access(ESTABLISHED, os.X_OK):
            found["established"] = [ESTABLISHED, "run"]
        return found

    def native(self):
        """The words that have a program ask for MPTCP as one that knows it would, and get no more."""
        library = self.folder / "native.so"
        if not library.exists():
            subprocess.run(
                [need("cc"), "-O2", "-shared", "-fPIC", "-o", library,
                 pathlib.Path(__file__).with_name("native.c")], check=True)
        return ["env", f"LD_PRELOAD={library}"]

    def port(self):
        """One that nobody uses in the namespace; without one of its own, on the machine."""
        for port in self.ports:
            if self.home:
                return port
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) != 0:
                    return port
        raise Unavailable("no free port")

    def fixture(self, name):
        """A C program of Tests/Fixtures, compiled."""
        program = self.folder / name
        if not program.exists():
            subprocess.run(
                [need("cc"), "-std=gnu11", "-O2", "-o", program,
                 ROOT / "Tests" / "Fixtures" / f"{name}.c"], check=True)
        return str(program)


def name_of(command):
    """Of a command, the program that a reader knows it by."""
    for launcher in (OURS, ESTABLISHED, "env"):
        if launcher in command:
            command = command[command.index(launcher) + 2:]
    return " ".join(os.path.basename(word) for word in command[:1])
