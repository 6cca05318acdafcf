"""`python -m benchmarks [names] [--quick] [--write]`. Exit code 1 says that a bar was not reached."""

import sys
import time
from datetime import timedelta
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from benchmarks.accesses import accesses
from benchmarks.appends import appends
from benchmarks.bundles import bundles
from benchmarks.commands import commands
from benchmarks.disclosure import disclosure
from benchmarks.evidence import evidence
from benchmarks.ground import ground
from benchmarks.growth import growth
from benchmarks.loads import loads
from benchmarks.machine import conditions, machine
from benchmarks.measured import Figure
from benchmarks.rebuild import rebuild
from benchmarks.report import show, write
from benchmarks.sealing import sealing
from benchmarks.search import search
from benchmarks.tail import tail

BENCHMARKS = {
    "appends": appends,
    "commands": commands,
    "loads": loads,
    "sealing": sealing,
    "tail": tail,
    "rebuild": rebuild,
    "growth": growth,
    "evidence": evidence,
    "bundles": bundles,
    "accesses": accesses,
    "search": search,
    "disclosure": disclosure,
}


def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(BENCHMARKS)}; without a name, all.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Short rounds, to see that everything runs.")] = False,
    keep: Annotated[bool, typer.Option("--write", help="Write what was measured into docs/performance.md.")] = False,
) -> None:
    """Measure on this machine, beside others, and tell which bars are reached. Records grow to a million events, in about 40 minutes."""
    if keep and quick:
        raise typer.BadParameter("a short run is not written down", param_hint="--write")
    if unknown := set(names or ()) - BENCHMARKS.keys():
        raise typer.BadParameter(f"there is no {', '.join(sorted(unknown))}", param_hint="NAMES")
    # Wide enough for the table where nobody reads along.
    console, progress = Console(width=None if sys.stdout.isatty() else 170), Console(stderr=True)
    figures: list[Figure] = []
    began = time.monotonic()

    def tell(what: str) -> None:
        progress.print(f"{timedelta(seconds=round(time.monotonic() - began))}  {what}", highlight=False)

    with ground(seconds=1 if quick else 3, rounds=1 if quick else 3, quick=quick, tell=tell) as on:
        about = machine(on)
        for what, said in about:
            console.print(f"{what}: {said}", highlight=False)
        for name in names or BENCHMARKS:
            tell(f"Measuring {name}")
            about[-1] = ("Conditions", conditions())
            found = uvloop.run(BENCHMARKS[name](on))
            show(console, found)
            figures += found
            if keep:
                write(name, about, found, list(BENCHMARKS))
    raise typer.Exit(1 if any(figure.verdict == "not reached" for figure in figures) else 0)


if __name__ == "__main__":
    typer.run(main)
