"""Which tests run together in one process, and in which order."""

import dataclasses
import re
import subprocess

# A tier is a test target; "unit" is every target that has no tier of its own. "random" is the
# suites of other tiers that a seed decides: they are not in the whole run a second time.
TARGETS = {
    "preload": "PreloadTests",
    "programs": "ProgramTests",
    "network": "NetworkTests",
    "systemd": "SystemdTests",
    "kernels": "KernelTests",
    "packages": "PackageTests",
}
RANDOM = {"random": ["PreloadTests.RandomTests", "SystemdTests.GeneratedUnitTests"]}
TIERS = ["unit", *TARGETS]
# All that needs no virtual machine, no systemd and no packages.
SETS = {"quick": ["unit", "preload", "network"]}

# The tiers of each stream, in the order in which they run: the longest first. A stream that has
# nothing left to do takes what is last in the other one.
STREAMS = [["kernels", "systemd", "packages"], ["programs", "network", "preload", "unit"]]

# Suites that share what is made once for each process (a machine that was booted, packages that
# were built), and so run in one: each pattern makes one part. Every other suite is a part of its
# own, but for those of the unit tier, whose processes would take longer to start than to run.
TOGETHER = [
    r"KernelTests\.BPF",
    r"KernelTests\.(?!BPF)",
]

# What takes longest comes first in its stream, in this order: begun late, it would run on alone.
LONGEST = [
    r"KernelTests\.", r"PackageTests\.TestsInContainerTests", r"PackageTests\.ContainerTests",
]


@dataclasses.dataclass(frozen=True)
class Part:
    """Suites of one tier that run in one process, one after the other."""

    tier: str
    suites: tuple

    @property
    def filter(self):
        """What --filter is to match: identifiers begin with MODULE.SUITE."""
        return f"^({'|'.join(map(re.escape, self.suites))})[./]"


class NoSuchTier(Exception):
    """A word that names no tier."""


def tier_of(suite):
    """The tier of a suite, by MODULE.SUITE."""
    module = suite.partition(".")[0]
    return next((tier for tier, target in TARGETS.items() if target == module), "unit")


def suites(bundle):
    """MODULE.SUITE of each suite in a test bundle, in the order of their names."""
    listing = subprocess.run(
        [bundle, "--testing-library", "swift-testing", "--list-tests"],
        check=True, capture_output=True, text=True).stdout
    return sorted({line.partition("/")[0] for line in listing.splitlines() if "/" in line})


def divided(tier, names):
    """The parts of one tier."""
    if tier == "unit":
        return [Part(tier, tuple(names))] if names else []
    groups = {}
    for name in names:
        pattern = next((p for p in TOGETHER if re.match(p, name)), None)
        groups.setdefault(pattern or name, []).append(name)
    return [Part(tier, tuple(group)) for group in groups.values()]


def place(part):
    """Where a part comes in its stream: the lower, the earlier."""
    patterns = (n for n, pattern in enumerate(LONGEST) if re.match(pattern, part.suites[0]))
    return next(patterns, len(LONGEST))


def tiers(words):
    """The tiers that words name, each once; without any word, all of them."""
    named = [tier for word in words for tier in SETS.get(word, [word])]
    for tier in named:
        if tier not in TIERS and tier not in RANDOM:
            known = " ".join([*TIERS, *SETS, *RANDOM])
            raise NoSuchTier(f"{tier}: no such tier; the tiers are: {known}")
    return list(dict.fromkeys(named)) or TIERS


def streams(bundle, chosen):
    """For each stream its parts, in order: those of the tiers chosen."""
    found = suites(bundle)
    result = [
        [part for tier in order if tier in chosen
         for part in divided(tier, [name for name in found if tier_of(name) == tier])]
        for order in STREAMS]
    result[-1] += [
        Part(tier, (suite,)) for tier in chosen for suite in RANDOM.get(tier, [])]
    for parts in result:
        parts.sort(key=place)
    return result
