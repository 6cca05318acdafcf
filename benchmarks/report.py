"""The table on the terminal, and the same as `docs/performance.md`."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measured import Figure

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
NOTES = Path(__file__).with_name("notes.md")
RESULTS = Path(__file__).with_name("results.json")
HEADER = ("what", "Accompany", "beside", "ratio", "bar", "")


def show(console: Console, figures: Sequence[Figure]) -> None:
    table = Table("", *HEADER)
    group = ""
    for figure in figures:
        if figure.group != group:
            table.add_section()
        table.add_row(figure.group if figure.group != group else "", *_cells(figure))
        group = figure.group
    console.print(table)


def write(name: str, about: Sequence[tuple[str, str]], figures: Sequence[Figure], order: Sequence[str]) -> None:
    """Keeps one benchmark's figures with the conditions that they were taken in, in place of its earlier ones, and writes the page anew.

    The page shows figures and conditions, and after them what is to be said about them (`notes.md`).
    Benchmarks stand in the given order.
    """
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    kept[name] = {
        "measured": f"{datetime.now(UTC):%d %B %Y, %H:%M} UTC",
        "about": about,
        "groups": [
            {"group": group, "rows": [_cells(figure) for figure in some]}
            for group, some in groupby(figures, key=lambda figure: figure.group)
        ],
    }
    RESULTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
    lines = [
        "# Performance",
        "",
        "Written by `python -m benchmarks --write`; change `benchmarks/notes.md`, not this page. Medians of rounds in turns, on one",
        "machine and one PostgreSQL; a ratio above 1 means that Accompany does more in the same time, or takes so many times as long.",
        "Each benchmark says when and in which conditions it was measured last.",
    ]
    machine: object = None
    for one in (kept[known] for known in order if known in kept):
        *common, disk, conditions = one["about"]
        if common != machine:
            lines += ["", *(f"- {what}: {found}" for what, found in common)]
            machine = common
        for number, group in enumerate(one["groups"]):
            lines += ["", f"## {group['group']}", ""]
            if number == 0:
                lines += [f"Measured on {one['measured']}: {conditions[1]}; {disk[1]}.", ""]
            lines += [f"| {' | '.join(HEADER)} |", "|---|---|---|---|---|---|"]
            lines += [f"| {' | '.join(row)} |" for row in group["rows"]]
    PAGE.write_text("\n".join([*lines, "", NOTES.read_text("utf-8")]), "utf-8")


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.what,
        figure.ours,
        figure.theirs,
        "" if figure.figure is None else f"{figure.figure:.2f}",
        "" if figure.bar is None else str(figure.bar),
        figure.verdict,
    )
