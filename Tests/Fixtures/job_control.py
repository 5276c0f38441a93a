"""A person at a terminal: an interactive bash on a pseudo-terminal, keys and jobs.

job_control.py SCENARIO DRIVER DIRECTORY; exits 0 when all went as without a supervisor,
else prints what the terminal showed.
"""

import os
import pty
import re
import select
import sys
import time

DRIVER, DIRECTORY = sys.argv[2], sys.argv[3]
FLAG = DIRECTORY + "/flag"


class Terminal:
    def __init__(self, argv):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.environ["PS1"] = "PROMPT> "
            os.execv(argv[0], argv)
        self.shown = ""
        self.seen = 0

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern, timeout=20):
        """Waits until a pattern appears after what was expected before."""
        deadline = time.monotonic() + timeout
        while True:
            match = re.compile(pattern).search(self.shown, self.seen)
            if match:
                self.seen = match.end()
                return match
            if time.monotonic() > deadline:
                sys.exit(f"never saw {pattern!r} in:\n{self.shown}")
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    data = os.read(self.master, 65536)
                except OSError:  # the other side is gone
                    data = b""
                self.shown += data.decode(errors="replace").replace("\r", "")


def shell():
    terminal = Terminal(["/bin/bash", "--norc", "--noprofile", "-i"])
    terminal.expect("PROMPT> ")
    return terminal


def state(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


def wait_for(what, condition, timeout=20):
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"never: {what}")
        time.sleep(0.01)


def start(terminal, script, after=""):
    with open(DIRECTORY + "/script", "w") as file:
        file.write(script)
    terminal.type(f"{DRIVER} --text /bin/sh {DIRECTORY}/script{after}\n")
    parent, child = map(int, terminal.expect(r"READY (\d+) (\d+)").groups())
    return parent, child


def start_counting(terminal, signal):
    """A program that says at its end, which FLAG begins, how often it got a signal."""
    # The wakeup descriptor gets a byte for each signal, however fast they follow.
    return start(
        terminal,
        f"""exec /usr/bin/python3 -c '
import os, signal, time
ours, theirs = os.pipe()
os.set_blocking(theirs, False)
signal.set_wakeup_fd(theirs)
signal.signal(signal.{signal}, lambda *_: None)
print("READY", os.getppid(), os.getpid(), flush=True)
while not os.path.exists("{FLAG}"): time.sleep(0.05)
print(f"COUNT={{len(os.read(ours, 100))}}", flush=True)
os._exit(3)'
""",
        after="; echo STATUS=$?",
    )


def interrupt(terminal):
    """Ctrl-C reaches the program once, and the report still comes."""
    start_counting(terminal, "SIGINT")
    terminal.type("\x03")
    time.sleep(0.3)  # long enough for a second one to arrive
    open(FLAG, "w").close()
    terminal.expect("COUNT=1\n")
    terminal.expect("The program opened no TCP socket")
    terminal.expect("STATUS=3\n")


def interrupt_default(terminal):
    """Ctrl-C and Ctrl-\\ end a program that does not care, and the shell sees how."""
    for key, status in [("\x03", 130), ("\x1c", 131)]:
        start(terminal, "echo READY $PPID $$; exec sleep 60")
        terminal.type(key)
        terminal.expect("The program opened no TCP socket")
        terminal.expect("PROMPT> ")
        terminal.type("echo STATUS=$?\n")
        terminal.expect(f"STATUS={status}\n")


def stop(terminal):
    """Ctrl-Z stops both, fg and bg continue both."""
    # One process: a shell that is stopped while it starts another one by vfork(2) waits for
    # that one and does not stop, with or without a supervisor.
    parent, child = start(
        terminal,
        "echo READY $PPID $$\nexec python3 -c 'import os, time\n"
        f"while not os.path.exists(\"{FLAG}\"): time.sleep(0.05)\nos._exit(4)'")
    for _ in range(3):
        terminal.type("\x1a")
        terminal.expect("Stopped")
        terminal.expect("PROMPT> ")
        # The terminal stops each of them; the shell sees only one.
        wait_for("stopped", lambda: state(parent) == "T" and state(child) == "T")
        terminal.type("fg\n")
        wait_for("continued", lambda: state(parent) != "T" and state(child) != "T")
    terminal.type("\x1a")
    terminal.expect("Stopped")
    terminal.type("bg\n")
    wait_for("continued", lambda: state(parent) != "T" and state(child) != "T")
    open(FLAG, "w").close()
    terminal.expect("The program opened no TCP socket")
    terminal.type("wait %1; echo STATUS=$?\n")
    terminal.expect("STATUS=4\n")


def continue_once(terminal):
    """fg tells the program once that it goes on."""
    parent, child = start_counting(terminal, "SIGCONT")
    for _ in range(2):
        terminal.type("\x1a")
        terminal.expect("Stopped")
        terminal.expect("PROMPT> ")
        wait_for("stopped", lambda: state(parent) == "T" and state(child) == "T")
        terminal.type("fg; echo STATUS=$?\n")
        # It sleeps again: it has seen the signal, which the next stop would take away otherwise.
        wait_for("continued", lambda: state(parent) != "T" and state(child) == "S")
    time.sleep(0.3)  # long enough for one more to arrive
    open(FLAG, "w").close()
    terminal.expect("COUNT=2\n")
    terminal.expect("STATUS=3\n")


def stop_alone(terminal):
    """A program that stops itself stops its job: the shell gets the terminal back."""
    parent, child = start(terminal, "echo READY $PPID $$; kill -TSTP $$; exit 5")
    terminal.expect("Stopped")
    terminal.expect("PROMPT> ")
    terminal.type("fg; echo STATUS=$?\n")
    terminal.expect("STATUS=5\n")


def read_in_background(terminal):
    """A background program that reads the terminal stops, and goes on in the foreground."""
    start(terminal, "echo READY $PPID $$; read line; echo LINE=$line; exit 6")
    terminal.type("\x1a")
    terminal.expect("Stopped")
    terminal.type("bg; until jobs -l | grep -F 'Stopped (tty input)'; do sleep 0.05; done\n")
    terminal.expect(r"Stopped \(tty input\)  ")
    terminal.expect("PROMPT> ")
    terminal.type("fg; echo STATUS=$?\n")
    terminal.expect("script")
    terminal.type("hello\n")
    terminal.expect("LINE=hello\n")
    terminal.expect("STATUS=6\n")


def hang_up(_):
    """The terminal goes away under a supervisor that leads the session."""
    with open(DIRECTORY + "/script", "w") as file:
        file.write(
            f"trap 'echo hup > {FLAG}; exit 7' HUP; echo READY $PPID $$\n"
            "while :; do sleep 0.05; done")
    terminal = Terminal([DRIVER, "--text", "-o", DIRECTORY + "/report", "/bin/sh",
                         DIRECTORY + "/script"])
    terminal.expect(r"READY (\d+) (\d+)")
    os.close(terminal.master)
    _, status = os.waitpid(terminal.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 7, status
    assert open(FLAG).read() == "hup\n"
    assert "The program opened" in open(DIRECTORY + "/report").read()


scenario = globals()[sys.argv[1]]
scenario(None if scenario is hang_up else shell())
