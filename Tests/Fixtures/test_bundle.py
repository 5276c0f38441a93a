#!/usr/bin/env python3
"""Stands in for a test bundle: lists tests, and writes their events as Swift Testing does.

KernelTests.FirstTests/waits() says that it began in the file named by STARTED, and then waits for
the end of the process; PreloadTests.SecondTests/fails() fails; NetworkTests.ThirdTests/crashes()
kills the process; all others pass, but for one that is skipped."""

import json
import os
import re
import subprocess
import sys
import time

TESTS = os.environ["TESTS"].split()


def write(file, record, **payload):
    """Writes a record, of a test or of an event."""
    payload["instant"] = {"absolute": time.monotonic()}
    print(json.dumps({"version": 0, "kind": record, "payload": payload}), file=file, flush=True)


if "--list-tests" in sys.argv:
    print("\n".join(TESTS))
    sys.exit()
options = dict(zip(sys.argv[1:], sys.argv[2:]))
chosen = [name for name in TESTS if re.search(options["--filter"], name)]
status = 0
with open(options["--event-stream-output-path"], "w", encoding="utf-8") as file:
    for name in chosen:
        write(file, "test", kind="function", id=f"{name}/File.swift:1:2")
    print("◇ Test run started.")
    for name in chosen:
        identity = f"{name}/File.swift:1:2"
        if name.endswith("/skipped()"):
            write(file, "event", kind="testSkipped", testID=identity, messages=[],
                  _comments=["needs a unicorn"])
            continue
        write(file, "event", kind="testStarted", testID=identity, messages=[])
        print(f"◇ Test {name} started.", flush=True)
        if name.endswith("/waits()"):
            # In a session of its own, as servers of tests are.
            child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
            with open(os.environ["STARTED"], "w", encoding="ascii") as started:
                print(os.getpid(), child.pid, file=started)
            time.sleep(1000)
        if name.endswith("/meets()"):
            # Goes on only beside another one that does the same.
            os.mkdir(f"{os.environ['STARTED']}-{os.getpid()}")
            folder = os.path.dirname(os.environ["STARTED"])
            while sum(entry.startswith("started-") for entry in os.listdir(folder)) < 2:
                time.sleep(0.01)
        if name.endswith("/crashes()"):
            os.abort()
        if name.endswith("/fails()"):
            status = 1
            write(file, "event", kind="issueRecorded", testID=identity, issue={"isKnown": False},
                  _sourceLocation={"fileID": "File.swift", "line": 7},
                  messages=[{"text": "expected more"}])
        write(file, "event", kind="testEnded", testID=identity, messages=[])
        print(f"✔ Test {name} ended.", flush=True)
    print("✔ Test run with some tests passed.")
sys.exit(status)
