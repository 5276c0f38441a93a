"""What became of the tests, read from the files that --event-stream-output-path makes."""

import collections
import dataclasses
import json
import re

# Lines of one issue that are shown; an expectation's values can be whole files.
MOST_LINES = 6
# Characters of one line that are shown.
MOST_COLUMNS = 240


@dataclasses.dataclass
class Test:
    """One test function, with all its arguments."""

    name: str
    began: float = 0
    seconds: float = 0
    skipped: str = ""
    has_ended: bool = False
    issues: list = dataclasses.field(default_factory=list)

    @property
    def failed(self):
        """Whether an issue was recorded, or the end was not reached."""
        return bool(self.issues) or not (self.has_ended or self.skipped)

    def failures(self):
        """The lines of each thing that went wrong."""
        yield from self.issues
        if self.failed and not self.has_ended:
            yield ["began, and did not end" if self.began else "did not begin"]


def read(path):
    """The records of a file, of which a killed run may have left half a line, or nothing."""
    try:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                try:
                    yield json.loads(line)
                except ValueError:
                    return
    except FileNotFoundError:
        return


def described(issue):
    """Where an issue was recorded, for which argument, and the first lines of what it says."""
    place = issue.get("_sourceLocation") or issue["issue"].get("sourceLocation") or {}
    where = f"{place['fileID']}:{place['line']}" if place else "nowhere in particular"
    if argument := issue.get("_testCase", {}).get("displayName"):
        where += f", with {argument}"
    text = "\n".join(message["text"] for message in issue["messages"]).strip().split("\n")
    if len(text) > MOST_LINES:
        text[MOST_LINES:] = [f"(and {len(text) - MOST_LINES} lines more)"]
    return [line[:MOST_COLUMNS] for line in [where, *text]]


def tests(path):
    """Each test of a part; and suites, or what is outside of any, if something went wrong there."""
    found, others = {}, {}
    for record in read(path):
        event = record["payload"]
        if record["kind"] == "test":
            if event["kind"] == "function":
                # Without the place in the source that ends it.
                found[event["id"]] = Test(re.sub(r"/[^/]*\.swift:\d+:\d+$", "", event["id"]))
            continue
        test = found.get(event.get("testID"))
        kind, instant = event["kind"], event["instant"]["absolute"]
        if kind == "issueRecorded" and not event["issue"].get("isKnown"):
            name = event.get("testID", "outside of any test")
            test = test or others.setdefault(name, Test(name, has_ended=True))
            test.issues.append(described(event))
        elif test and kind == "testStarted":
            test.began = instant
        elif test and kind == "testEnded":
            test.has_ended, test.seconds = True, instant - test.began
        elif test and kind == "testSkipped":
            test.skipped = " ".join(event.get("_comments", [])) or "no reason given"
    return [*found.values(), *others.values()]


def skips(all_tests):
    """How many tests were skipped, by reason, the most frequent one first."""
    return collections.Counter(t.skipped for t in all_tests if t.skipped).most_common()
