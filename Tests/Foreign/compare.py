"""compare.py [--keep FOLDER] MPTCPIZE [MODULE…]: CPython's network tests over TCP and MPTCP.

Runs the tests of the Python that runs this, plain and under `mptcpize run`, compares them
test by test and prints each difference, with its explanation from expected.txt. Fails when
a test that passes plain does not pass under mptcpize and nothing explains it, or when a
module never spoke MPTCP.
"""

import argparse
import collections
import fnmatch
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = """test_socket test_asyncio test_ftplib test_ssl test_httplib test_smtplib
    test_poplib test_imaplib test_socketserver test_xmlrpc""".split()
# Seconds for one run of a module. The slowest, test_asyncio, needs a fifth.
LIMIT = 900
# Times that a module is begun again after a test that hung or ended the process.
RESTARTS = 20


def alone(command):
    """The command in a network namespace of its own that has nothing but loopback."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    up = 'ip link set lo up && exec "$@"'
    return ["unshare", *user, "--net", "sh", "-c", up, "sh", *command]


def read(results):
    """What became of each test, in order."""
    outcomes = {}
    if os.path.exists(results):
        with open(results, encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                if entry["outcome"] == "began":
                    entry |= {"outcome": "hung", "detail": "hung, or ended the process"}
                outcomes[entry["test"]] = entry
    return outcomes


class Runs:
    def __init__(self, folder, mptcpize):
        self.folder = folder
        self.mptcpize = mptcpize
        self.count = 0

    def run(self, module, under, tests=()):
        """Runs a module, or some tests of it; gives their outcomes, and the report's summary."""
        self.count += 1
        name = f"{module}-{self.count}-{'mptcpize' if under else 'plain'}"
        path = os.path.join(self.folder, name)
        results, report = path + ".results", path + ".report"
        command = [sys.executable, os.path.join(HERE, "suite.py"), results, module, *tests]
        if under:
            reporting = ["--report", "--json", "--output", report]
            command = [self.mptcpize, "run", *reporting, "--", *command]
        summary = collections.Counter()
        for _ in range(RESTARTS):
            status = self.once(alone(command), path + ".log")
            if under:
                with open(report, encoding="utf-8") as document:
                    summary.update(json.load(document)["summary"])
            if status == 0:
                break
        else:
            sys.exit(f"{module} did not end by itself in {RESTARTS} runs: see {path}.log")
        return read(results), summary

    def once(self, command, log):
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LD_", "MPTCPIZE_", "PYTHON")) and "proxy" not in name.lower()
        }
        with open(log, "ab") as output, tempfile.TemporaryDirectory() as scratch:
            environment |= {"TMPDIR": scratch, "LC_ALL": "C.UTF-8"}
            try:
                return subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=scratch,
                    env=environment, timeout=LIMIT, check=False).returncode
            except subprocess.TimeoutExpired:
                return None


def expectations():
    """Pairs of a pattern of tests and a reason, from a file whose lines have both."""
    with open(os.path.join(HERE, "expected.txt"), encoding="utf-8") as file:
        lines = [line.split(maxsplit=1) for line in file if line.strip() and line[0] != "#"]
    return [(pattern, reason.strip()) for pattern, reason in lines]


def is_worse(plain, mended):
    """A test that passes plain and not under mptcpize, or that crawls there."""
    if plain["outcome"] != "passed":
        return False
    return mended["outcome"] != "passed" or mended["seconds"] > 10 * plain["seconds"] + 5


def compare(module, runs, expected):
    """Prints what differs, and gives back how many tests nothing explains."""
    plain, _ = runs.run(module, under=False)
    mended, summary = runs.run(module, under=True)
    missing = {"outcome": "missing", "detail": "was not run", "seconds": 0}
    worse = [test for test in plain if is_worse(plain[test], mended.get(test, missing))]
    counts = collections.Counter(entry["outcome"] for entry in plain.values())
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    print(
        f"{module}: plain {told}; {len(worse)} worse under mptcpize, "
        f"where {summary['mptcp']} sockets spoke MPTCP", flush=True)
    unexplained = 0
    for test in worse:
        entry = mended.get(test, missing)
        what = f"  {test}: {entry['outcome']}"
        if entry["outcome"] == "passed":
            what += f" after {entry['seconds']} s, over TCP after {plain[test]['seconds']} s"
        reason = next((why for pattern, why in expected if fnmatch.fnmatch(test, pattern)), None)
        if reason:
            print(f"{what}: expected: {reason}")
            continue
        # Some of these tests fail now and then on a busy machine, plain too.
        again, _ = runs.run(module, under=True, tests=[test])
        if not is_worse(plain[test], again.get(test, missing)):
            print(f"{what}; passes when repeated")
            continue
        unexplained += 1
        print(what + "".join(f"\n    {line}" for line in entry["detail"].splitlines()))
    if not summary["mptcp"]:
        unexplained += 1
        print("  nothing of it spoke MPTCP")
    return unexplained


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", metavar="FOLDER", help="leaves logs, results and reports there")
    parser.add_argument("mptcpize", help="the command line tool")
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    arguments = parser.parse_args()
    expected = expectations()
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.keep:
            os.makedirs(arguments.keep)
        runs = Runs(arguments.keep or scratch, os.path.abspath(arguments.mptcpize))
        unexplained = sum(
            compare(module, runs, expected) for module in arguments.modules or MODULES)
    print(f"{unexplained} unexplained differences")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
