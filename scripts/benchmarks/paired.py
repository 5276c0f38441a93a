"""Paired, interleaved runs: the cases that are compared take turns, so a disturbance of the machine
affects all of them, and only ratios within one round count."""

import dataclasses
import statistics

from lab import Unavailable


@dataclasses.dataclass
class Ratio:
    """Median and quartiles of the rounds' ratios to the baseline."""

    median: float
    lower: float
    upper: float
    rounds: int

    @staticmethod
    def of(values):
        """Of the ratios of the rounds."""
        if len(values) < 2:
            return Ratio(values[0], values[0], values[0], len(values))
        lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
        return Ratio(median, lower, upper, len(values))


@dataclasses.dataclass
class Exact:
    """A count that is the same on every run."""

    value: int


@dataclasses.dataclass
class Missing:
    """Why there is no number; empty where none is meant to be."""

    reason: str


@dataclasses.dataclass
class Table:
    """What one subject found out. Rows: a name, and a cell for each column."""

    title: str
    about: str
    columns: list
    rows: list = dataclasses.field(default_factory=list)

    def add(self, name, *cells):
        """One row."""
        self.rows.append((name, list(cells)))


def compare(sides, baseline, rounds, warm=True):
    """Runs each side in each round, beginning with another one each time.

    sides: functions by name, each of which gives a dictionary of numbers by metric.
    Gives, by side other than the baseline, by metric, a Ratio or Missing."""
    reasons, ratios = {}, {name: {} for name in sides if name != baseline}
    names = list(sides)
    for number in range(-1 if warm else 0, rounds):
        shift = number % len(names)
        seen = {}
        for name in names[shift:] + names[:shift]:
            if name in reasons or baseline in reasons:
                continue
            try:
                seen[name] = sides[name]()
            except Unavailable as failure:
                reasons[name] = str(failure)
        if number < 0 or baseline not in seen:
            continue
        for name in ratios:
            for metric, value in seen.get(name, {}).items():
                if seen[baseline].get(metric):
                    ratios[name].setdefault(metric, []).append(value / seen[baseline][metric])
    reason = reasons.get(baseline)
    return {
        name: Missing(reason or reasons[name]) if reason or name in reasons
        else {metric: Ratio.of(values) for metric, values in found.items()}
        for name, found in ratios.items()}


def cell(found, side, metric):
    """Of what `compare` gave, one cell of a table."""
    if side not in found:
        return Missing("not installed: scripts/bootstrap bench")
    if isinstance(found[side], Missing):
        return found[side]
    return found[side].get(metric, Missing(""))
