"""Runs the parts of the tests in several streams side by side, each a process at a time."""

import collections
import ctypes
import dataclasses
import os
import re
import signal
import subprocess
import sys
import threading
import time

import events

# Of every process; at the end it is told for all together. And one line for each argument.
NOISE = re.compile("↳ |. Test run |◇ Suite |◇ Test case ")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


@dataclasses.dataclass
class Result:
    """What became of a part."""

    part: object
    tests: list
    # Seconds by the clock, and of processors, those of programs that were waited for included.
    seconds: float
    processor: float
    # What the process itself says: 0, or 1 if tests failed; negative by a signal.
    status: int


class Interrupted(Exception):
    """The run was told to end, by this signal."""


def prctl(option, value):
    """prctl(2)."""
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def tie_to_parent():
    """Has this process told to end when the one that started it ends, however."""
    parent = os.getppid()
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise Interrupted(signal.SIGTERM)


def descendants(pid):
    """All processes below one, children before their own children."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(word) for word in file.read().split()]
    except OSError:
        children = []
    return children + [each for child in children for each in descendants(child)]


def end_all():
    """Kills what still runs of the tests; children of those killed become ours."""
    while pids := descendants(os.getpid()):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.wait4(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


class Stream:
    """What runs on one processor."""

    def __init__(self, parts):
        self.waiting = collections.deque(parts)

    def next(self, streams):
        """The next part; one's own first, and then the last one of who has most left."""
        if self.waiting:
            return self.waiting.popleft()
        most = max(streams, key=lambda stream: len(stream.waiting))
        return most.waiting.pop() if most.waiting else None


class Run:
    """One run of the tests."""

    def __init__(self, bundle, folder, prefix_width):
        self.bundle, self.folder, self.width = bundle, folder, prefix_width
        self.output = threading.Lock()
        self.results = []

    def say(self, tier, line):
        """Shows a line of a part's, with its tier if there are several."""
        plain = COLOUR.sub("", line)
        if NOISE.match(plain):
            return
        prefix = f"{tier:{self.width}} │ " if self.width else ""
        with self.output:
            print(prefix + (line if sys.stdout.isatty() else plain), end="", flush=True)

    def start(self, part, number):
        """Starts a part; gives back its process and the thread that shows what it writes."""
        process = subprocess.Popen(
            [self.bundle, "--testing-library", "swift-testing", "--no-parallel",
             "--filter", part.filter, "--event-stream-version", "0",
             "--event-stream-output-path", self.events(number)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace")

        def show():
            for line in process.stdout:
                self.say(part.tier, line)

        # A daemon that a test left behind may hold the other end for good.
        reader = threading.Thread(target=show, daemon=True)
        reader.start()
        return process, reader

    def events(self, number):
        """The file of events of the part that was started as this one."""
        return f"{self.folder}/events.{number}"

    def run(self, streams):
        """Runs all parts. Raises Interrupted when told to end, with nothing left running and what
        was reached in `results`."""
        # The orphans of tests become this process's children: whoever kills a run, kills them.
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        started = {}
        count = 0
        try:
            for stream in streams:
                count += self.advance(stream, streams, started, count)
            while started:
                pid, status, usage = os.wait4(-1, 0)
                if pid not in started:
                    continue
                stream = self.ended(*started.pop(pid), status, usage)
                count += self.advance(stream, streams, started, count)
        finally:
            end_all()
            for each in started.values():
                self.ended(*each, signal.SIGKILL, None)

    def ended(self, stream, part, number, process, reader, began, status, usage):
        """Notes what became of a part; gives back the stream that it ran in."""
        process.returncode = os.waitstatus_to_exitcode(status)
        reader.join(timeout=2)
        self.results.append(Result(
            part, events.tests(self.events(number)), time.monotonic() - began,
            usage.ru_utime + usage.ru_stime if usage else 0, process.returncode))
        return stream

    def advance(self, stream, streams, started, number):
        """Starts the stream's next part, if there is one; tells how many were started."""
        part = stream.next(streams)
        if part is None:
            return 0
        process, reader = self.start(part, number)
        started[process.pid] = stream, part, number, process, reader, time.monotonic()
        return 1
