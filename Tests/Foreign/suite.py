"""suite.py RESULTS MODULE [TEST…]: runs a module of CPython's own tests, or some of its tests.

Appends a line of JSON to RESULTS when a test begins and one when it ends, so that what a
crash or a hang interrupted can be told, and leaves out tests that RESULTS already has: a
second run goes on where the first one ended.
"""

import faulthandler
import json
import sys
import time
import unittest
import warnings

from test import support

# Seconds that one test may take; what hangs ends the process, with all stacks printed.
LIMIT = 60


class Recorder(unittest.TestResult):
    def __init__(self, file):
        super().__init__()
        self.file = file
        self.outcome = self.began = None

    def write(self, test, outcome, **more):
        self.file.write(json.dumps({"test": test.id(), "outcome": outcome, **more}) + "\n")

    def startTest(self, test):
        super().startTest(test)
        self.outcome, self.detail, self.began = "passed", "", time.monotonic()
        self.write(test, "began")
        faulthandler.dump_traceback_later(LIMIT, exit=True)

    def stopTest(self, test):
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()
        seconds = round(time.monotonic() - self.began, 2)
        self.write(test, self.outcome, detail=self.detail, seconds=seconds)
        self.began = None

    def note(self, test, outcome, detail):
        if self.began is None:  # of a class or a module, outside of any test
            self.write(test, outcome, detail=detail, seconds=0)
        elif self.outcome != "failed":
            self.outcome, self.detail = outcome, detail

    def addError(self, test, error):
        self.note(test, "failed", self._exc_info_to_string(error, test))

    addFailure = addError

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.addError(test, error)

    def addSkip(self, test, reason):
        self.note(test, "skipped", reason)

    def addExpectedFailure(self, test, error):
        pass

    def addUnexpectedSuccess(self, test):
        self.note(test, "failed", "unexpected success")


def without(suite, done):
    kept = [
        without(test, done) if isinstance(test, unittest.TestSuite) else test
        for test in suite
        if isinstance(test, unittest.TestSuite) or test.id() not in done
    ]
    return type(suite)(kept)


def main(results, module, tests):
    # Of these, test_socketserver is left out as a whole without it. The world is out of reach.
    support.use_resources = ["network"]
    warnings.simplefilter("ignore")
    with open(results, "a+", buffering=1) as file:
        file.seek(0)
        done = {json.loads(line)["test"] for line in file}
        names = tests or ["test." + module]
        # Under no name, so that tests are freed as they end: some of them collect garbage.
        without(unittest.defaultTestLoader.loadTestsFromNames(names), done).run(Recorder(file))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
