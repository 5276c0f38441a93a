"""The forms of a result: text for a terminal, Markdown, and values for JSON."""

import dataclasses
import math
import textwrap

from paired import Exact, Missing, Ratio


def number(ratio):
    """To a hundredth between a tenth and ten; to two digits below, to three above."""
    if ratio <= 0:
        return "0"
    magnitude = math.floor(math.log10(ratio))
    digits = 1 - magnitude if magnitude < -1 else max(2 - max(magnitude, 0), 0)
    return f"{ratio:.{digits}f}"


def short(cell):
    """A cell for a terminal or a table."""
    if isinstance(cell, Exact):
        return f"{cell.value:,}".replace(",", " ")
    if isinstance(cell, Ratio) and cell.rounds == 1:
        return f"{cell.median:.3f}"
    if isinstance(cell, Ratio):
        return f"{number(cell.median)} ({number(cell.lower)}–{number(cell.upper)})"
    return "–"


def reasons(table):
    """Of a table's empty cells, why they are, once each."""
    return list(dict.fromkeys(
        f"{name}: not measured: {cell.reason}" for name, cells in table.rows for cell in cells
        if isinstance(cell, Missing) and cell.reason))


def heading(about):
    """One line on the machine, and on what was measured."""
    return f"{about['version']}, {about['kernel']}, {about['cpu']}, {about['date']}"


def text(tables):
    """For a terminal: as wide as it has to be."""
    lines = []
    for table in tables:
        lines += ["", table.title, *textwrap.wrap(
            table.about, 100, initial_indent="  ", subsequent_indent="  ")]
        rows = [["", *table.columns]] + [[name, *map(short, cells)] for name, cells in table.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines += ["  " + "  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip()
                  for row in rows]
        lines += ["  " + reason for reason in reasons(table)]
    return "\n".join(lines)


INTRODUCTION = """# What it costs

Made by `scripts/bench --markdown`; do not edit. {heading}.

Each number is the median of the ratios of paired, interleaved runs. The quartiles are in parentheses.
A number above 1 means more (time, requests) than the case that it is compared with. Absolute times are
left out, because they depend on the machine. “Established” is the C tool of the same name, Debian's
package `mptcpize`. “Native MPTCP” is a program that asks for MPTCP itself. A ratio of requests or
throughput below 1 is mostly the cost of MPTCP itself: the kernel does more work for an MPTCP connection,
especially at its start.

Everything here runs on one machine, where MPTCP can gain nothing. `make lab` measures what two links
gain: [as a table](figures/two-paths.txt), [as a figure](figures/two-paths.svg).

![How many transfers of 2 MB over loopback are done within which time](figures/loopback.svg)
"""


def section(table):
    """One table, as Markdown."""
    rows = [f"## {table.title}", "", table.about, "",
            f"| | {' | '.join(table.columns)} |", "|---" * (len(table.columns) + 1) + "|"]
    rows += [f"| {name} | {' | '.join(map(short, cells))} |" for name, cells in table.rows]
    rows += [f"\n{reason}" for reason in reasons(table)]
    return "\n".join(rows) + "\n"


def markdown(about, results):
    """docs/BENCHMARKS.md."""
    sections = [section(table) for tables in results.values() for table in tables]
    return "\n".join([INTRODUCTION.format(heading=heading(about)), *sections])


def updated(document, about, results):
    """docs/BENCHMARKS.md with these tables in the place of those that have the same titles, or
    behind the others. They say of when they are."""
    introduction, *sections = document.split("\n## ")
    found = {text.split("\n", 1)[0]: text.rstrip("\n") for text in sections}
    for tables in results.values():
        for table in tables:
            text = section(table).removeprefix("## ")
            found[table.title] = f"{text}\nMeasured by itself: {heading(about)}."
    return "\n\n## ".join([introduction.rstrip("\n"), *found.values()]) + "\n"


def plain(results):
    """What json.dumps takes."""
    def value(cell):
        if isinstance(cell, Missing):
            return {"unavailable": cell.reason}
        return {"unit": "ratio" if isinstance(cell, Ratio) else "count"} | dataclasses.asdict(cell)
    return {
        name: [{
            "title": table.title, "about": table.about,
            "rows": [{"case": case, **dict(zip(table.columns, map(value, cells)))}
                     for case, cells in table.rows]} for table in tables]
        for name, tables in results.items()}
