"""What a person sees in the terminal: data on standard output, progress, advice and refusals on standard error."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import msgspec
import psycopg
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from adapters.caseload.importing import Summary
from adapters.demo import WayIn
from domain.vocabulary import Role

REFUSED = 3

out, err = Console(), Console(stderr=True)


@contextmanager
def refusals() -> Iterator[None]:
    """Whatever has a stable code is said in its own words; the exit code tells scripts that nothing was done."""
    try:
        yield
    except psycopg.OperationalError:
        # The library's own words quote the connection, and with it the password.
        _say_and_leave("store-unavailable", "The database can't be reached. Is it running? Check DATABASE_URL.")
    except Exception as refused:
        if not isinstance(code := getattr(refused, "code", None), str):
            raise
        _say_and_leave(code, str(refused))


def _say_and_leave(code: str, message: str) -> NoReturn:
    err.print(f"[bold red]{code}[/]  {escape(message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(REFUSED)


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=False) as bar:
        task = bar.add_task(title, total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield show


def print_json(answer: object) -> None:
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    sys.stdout.flush()


def print_table(title: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    table = Table(title=title, title_justify="left")
    for name in header:
        # On a narrow terminal a path or an id goes on in the next line: cut short it could not be copied.
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    out.print(table)


def print_summary(summary: Summary) -> None:
    rows = []
    for name, counts in summary.files.items():
        reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(counts.refused.items()))
        rows.append((name, str(counts.taken), str(counts.unchanged), str(counts.refused.total()), reasons))
    print_table("Imported", ("file", "taken", "unchanged", "refused", "why"), rows)
    for name, columns in summary.ignored.items():
        err.print(f"{escape(name)}: these columns are not used: {escape(', '.join(columns))}", highlight=False)
    if summary.refusals:
        err.print("What was refused stands in this file. Mend its cells and import the file itself:", highlight=False)
        err.print(escape(str(summary.refusals)), highlight=False, soft_wrap=True)


def print_ways_in(address: str, data: Path, ways: Iterable[WayIn], links: Mapping[Role, str]) -> None:
    out.print(f"\n[bold]Accompany[/] is running at [bold]{address}[/]  Everybody in it is invented.\n", highlight=False)
    for way in ways:
        out.print(f"  [bold]{way.role:<13}[/] {way.sees}", highlight=False)
        # A link that a narrow terminal cut could not be followed.
        out.print(f"                {links[way.role]}", highlight=False, soft_wrap=True)
    out.print(f"\nData: {escape(str(data))}. Stop with Ctrl-C; delete the folder to start afresh.", highlight=False)
