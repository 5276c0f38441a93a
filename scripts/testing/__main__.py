"""testing [OPTION…] [--run BUNDLE FOLDER] [TIER…]: what scripts/test does once all is built.

Runs the tests of these tiers in BUNDLE, a program that `swift build --build-tests` made, in two
streams side by side. FOLDER is for files of this run. Ends with what failed, and with one line:
so many passed, failed and were skipped. Without --run, only looks whether there are such tiers."""

import argparse
import os
import signal
import subprocess
import sys

import events
import parts
import run

# Of the tests that took longest, as many are shown.
LONGEST = 12


def duration(seconds):
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def show_times(results):
    """Which tests took longest, and what each tier took."""
    tests = [(result.part.tier, test) for result in results for test in result.tests
             if test.has_ended and test.began]
    print("\nWhat took longest, in seconds:")
    for tier, test in sorted(tests, key=lambda pair: -pair[1].seconds)[:LONGEST]:
        print(f"{test.seconds:8.1f}  {tier:9} {test.name}")
    print(f"\n{'tier':9} {'passed':>7} {'failed':>7} {'skipped':>8} {'time':>7} {'processor':>10}")
    for tier in [*parts.TIERS, *parts.RANDOM]:
        own = [result for result in results if result.part.tier == tier]
        if not own:
            continue
        passed, failed, skipped = counts(own)
        clock, processor = (
            duration(sum(getattr(r, name) for r in own)) for name in ("seconds", "processor"))
        print(f"{tier:9} {passed:7} {failed:7} {skipped:8} {clock:>7} {processor:>10}")


def show_skips(results):
    """Why tests were skipped."""
    reasons = events.skips(test for result in results for test in result.tests)
    if reasons:
        print("\nSkipped:")
    for reason, count in reasons:
        print(f"{count:8}  needs {reason.removeprefix('needs ')}")


def show_failures(results):
    """What failed, where and why."""
    failed = [test for result in results for test in result.tests if test.failed]
    # A process that fails for a reason of its own: it crashed, or something is wrong with this.
    odd = [r for r in results if r.status != 0 and not any(test.failed for test in r.tests)]
    if failed or odd:
        print("\nWhat failed:")
    for test in failed:
        for lines in test.failures():
            print(f"  {test.name}", *lines, sep="\n      ")
    for result in odd:
        print(f"  {result.part.tier}: its process ended with {result.status}",
              *result.part.suites, sep="\n      ")
    return len(odd)


def counts(results):
    """How many tests passed, failed and were skipped."""
    tests = [test for result in results for test in result.tests]
    failed = sum(test.failed for test in tests)
    skipped = sum(bool(test.skipped) and not test.failed for test in tests)
    return len(tests) - failed - skipped, failed, skipped


def summary(results):
    """All that is told at the end; gives back the exit status."""
    show_times(results)
    show_skips(results)
    odd = show_failures(results)
    passed, failed, skipped = counts(results)
    print(f"\n{passed} passed, {failed + odd} failed, {skipped} skipped", flush=True)
    if passed + failed == 0:
        print("test: no test ran", file=sys.stderr)
    return 1 if failed + odd or passed == 0 else 0


def load(count):
    """Keeps so many processors busy until this process ends."""
    for _ in range(count):
        subprocess.Popen(["sh", "-c", "while :; do :; done"])


def interrupted(number, _frame):
    """The handler of signals that end a run."""
    raise run.Interrupted(number)


def main():
    parser = argparse.ArgumentParser(prog="test")
    parser.add_argument("--streams", type=int, default=2)
    parser.add_argument("--load", type=int, default=0)
    parser.add_argument("--run", nargs=2)
    parser.add_argument("tiers", nargs="*")
    given = parser.parse_args()
    try:
        tiers = parts.tiers(given.tiers)
    except parts.NoSuchTier as error:
        sys.exit(f"test: {error}")
    if not given.run:
        return
    bundle, folder = given.run
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    run.tie_to_parent()
    lists = parts.streams(bundle, tiers)
    if given.streams == 1:
        lists = [sum(lists, [])]
    width = max(map(len, tiers)) if len(tiers) > 1 else 0
    load(given.load)
    tests = run.Run(bundle, folder, width)
    try:
        tests.run([run.Stream(each) for each in lists])
    finally:
        status = summary(tests.results)
    sys.exit(status)


try:
    main()
except run.Interrupted as error:
    # As a program that the signal has ended.
    number = error.args[0]
    print("test: interrupted", file=sys.stderr)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
