"""The table on the terminal, and the same as `docs/performance.md`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measured import Figure

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
NOTES = Path(__file__).with_name("notes.md")
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


def write(about: Sequence[tuple[str, str]], figures: Sequence[Figure]) -> None:
    """Figures and machine, and after them what is to be said about them (`notes.md`)."""
    lines = [
        "# Performance",
        "",
        "Written by `python -m benchmarks --write`; change `benchmarks/notes.md`, not this page. Medians of rounds in turns, on one",
        "machine and one PostgreSQL; a ratio above 1 means that Accompany does more in the same time, or takes so many times as long.",
        "",
        f"Measured on {datetime.now(UTC):%d %B %Y}.",
        "",
        *(f"- {what}: {found}" for what, found in about),
    ]
    group = ""
    for figure in figures:
        if figure.group != group:
            lines += ["", f"## {figure.group}", "", f"| {' | '.join(HEADER)} |", "|---|---|---|---|---|---|"]
            group = figure.group
        lines.append(f"| {' | '.join(_cells(figure))} |")
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
