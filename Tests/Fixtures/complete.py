"""complete.py SHELL SCRIPT LINE EXPECTED…
Types LINE and a tab into an interactive SHELL (bash, zsh or fish) on a terminal of its own,
after SCRIPT, the completion script, was read there. Ends with 0 as soon as all that is
EXPECTED has been seen on the terminal since, else with 1 and what was seen.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time

shell, script, line, *expected = sys.argv[1:]
# Each writes "ready" without the word in what is typed.
ready = {
    "bash": "bind 'set bell-style none'; bind 'set show-all-if-ambiguous on';"
            "bind 'set page-completions off'; bind 'set completion-query-items 0';"
            f". /usr/share/bash-completion/bash_completion; . '{script}'; echo rea''dy\n",
    "zsh": f"fpath=('{os.path.dirname(script)}' $fpath); autoload -U compinit; compinit -u -D;"
           "LISTMAX=-1; setopt no_beep no_auto_menu list_ambiguous; unsetopt list_beep;"
           "zstyle ':completion:*' list-prompt ''; echo rea''dy\n",
    "fish": f"source '{script}'; echo rea''dy\n",
}[shell]
command = {
    "bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "-i"],
}[shell]
settings = {"TERM": "xterm", "COLUMNS": "400", "LINES": "500", "LC_ALL": "C.UTF-8"}


def read_until(terminal, found, seconds):
    """Reads until found(text) or the time is up; gives back the text without its colours."""
    seen, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:
                break
        text = re.sub(r"\x1b(\[[0-9;?>]*[ -/]*[@-~]|[()][0-9A-Z]|[=>])", "",
                      seen.decode(errors="replace"))
        if found(text):
            return text, True
    return text, False


with tempfile.TemporaryDirectory() as home:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(home)
        os.execvpe(command[0], command, {**os.environ, **settings, "HOME": home})
    try:
        # A wide one: a name that is cut in two is not found.
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 500, 400, 0, 0))
        os.write(terminal, ready.encode())
        text, is_ready = read_until(terminal, lambda text: "ready" in text, 60)
        if is_ready:
            os.write(terminal, line.encode() + b"\t")
            text, is_found = read_until(
                terminal, lambda text: all(word in text for word in expected), 30)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
if not is_ready or not is_found:
    sys.exit(f"{shell}: {line}\n{text}")
