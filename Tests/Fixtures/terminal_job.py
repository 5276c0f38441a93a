"""terminal_job STEP… -- COMMAND…: a command as the job of a small shell, on a terminal.

The steps, one after the other:
  size=ROWSxCOLUMNS  sets the terminal's size; 0x0: it does not tell. The first one is set
                     before the command starts.
  await=TEXT         reads until TEXT comes, behind what was awaited before; \\e is ESC
  type=NUMBER        types a character: 3 is Ctrl-C, 26 Ctrl-Z
  continue           continues the job, as `fg` does
  end                closes the terminal, as a window that is closed

Prints what the terminal got, with "<stopped>" where the job was stopped and the shell took
the terminal back, then "status N", the job's exit status, or minus its signal.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

LIMIT = 60  # seconds that a step may take


def shell(command, go, tell):
    """The shell, on its terminal: descriptors 0 to 2."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    wait, start = os.pipe()
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.read(wait, 1)
        for number in (signal.SIGTTOU, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.execvp(command[0], command)
    os.setpgid(job, job)
    os.tcsetpgrp(0, job)
    os.write(start, b"x")
    while True:
        status = os.waitpid(job, os.WUNTRACED)[1]
        if not os.WIFSTOPPED(status):
            os.write(tell, str(os.waitstatus_to_exitcode(status)).encode())
            os._exit(0)
        os.tcsetpgrp(0, os.getpid())
        os.write(1, b"<stopped>")
        os.read(go, 1)
        os.tcsetpgrp(0, job)
        os.killpg(job, signal.SIGCONT)


def resize(fd, words):
    rows, columns = words.split("x")
    size = struct.pack("HHHH", int(rows), int(columns), 0, 0)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, size)


separator = sys.argv.index("--")
steps, command = sys.argv[1:separator], sys.argv[separator + 1:]
go_read, go = os.pipe()
told, tell = os.pipe()
pid, fd = pty.fork()
if pid == 0:
    if steps[0].startswith("size="):
        resize(0, steps[0][5:])
    shell(command, go_read, tell)
os.close(tell)
seen, position = b"", 0


def read_until(condition):
    """Reads what comes until a condition holds; tells whether it did."""
    global seen
    end = time.monotonic() + LIMIT
    while not condition():
        left = end - time.monotonic()
        ready = select.select([fd], [], [], max(0, min(left, 0.05)))[0]
        if ready:
            try:
                seen += os.read(fd, 65536)
            except OSError:  # EIO: all on the terminal have ended
                return condition()
        if left < 0:
            return False
    return True


for step in steps:
    name, _, value = step.partition("=")
    if name == "size":
        resize(fd, value)
    elif name == "await":
        text = value.replace("\\e", "\x1b").encode()
        if not read_until(lambda: seen.find(text, position) >= 0):
            sys.exit(f"{value} never came: {seen[position:]!r}")
        position = seen.find(text, position) + len(text)
    elif name == "type":
        os.write(fd, bytes([int(value)]))
    elif name == "continue":
        os.write(go, b"x")
    elif name == "end":
        os.close(fd)
        break
    else:
        sys.exit(f"{step}: no such step")
else:
    read_until(lambda: bool(select.select([told], [], [], 0)[0]))
    # The shell has ended with its job; what is left to read comes before EIO.
    read_until(lambda: False)
sys.stdout.buffer.write(seen)
sys.stdout.flush()
ended = os.read(told, 20).decode() if select.select([told], [], [], LIMIT)[0] else "none"
print(f"\nstatus {ended or 'none'}")
