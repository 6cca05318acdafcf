"""The table of refusals in docs/refusals.md: `python -m tests.domain.refusals` writes it anew."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import application
import domain
from domain.errors import Busy, Invalid, NotAllowed, NotFound, Refusal, RuleBroken, Stale

PAGE = Path(__file__).parents[2] / "docs" / "refusals.md"
FAMILIES: tuple[type[Refusal], ...] = (Invalid, RuleBroken, NotFound, NotAllowed, Stale, Busy)

INTRODUCTION = """# Refusals

What the record says no to. A refused command recorded nothing. The code is stable: scripts and the import's file of refusals use it.
Neither code nor message ever repeats what was submitted.

| family | means |
|---|---|
"""
COLUMNS = """
| code | family | message |
|---|---|---|
"""
FOOT = """
This page is written by `python -m tests.domain.refusals` from the classes in `domain/` and `application/`.
"""


def refusals() -> list[type[Refusal]]:
    """Every refusal of the domain and the application, the families themselves left out, by code."""
    for package in (domain, application):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    found = {one for one in _below(Refusal) if one.__module__.split(".")[0] in ("domain", "application")}
    return sorted(found - set(FAMILIES), key=lambda one: one.code)


def family(refusal: type[Refusal]) -> str:
    return next((one.code for one in FAMILIES if issubclass(refusal, one)), Refusal.code)


def page() -> str:
    families = (f"| {one.code} | {' '.join((one.__doc__ or '').split())} |\n" for one in FAMILIES)
    rows = (f"| `{one.code}` | {family(one)} | {one.message} |\n" for one in refusals())
    return "".join((INTRODUCTION, *families, COLUMNS, *rows, FOOT))


def _below(refusal: type[Refusal]) -> Iterator[type[Refusal]]:
    for one in refusal.__subclasses__():
        yield one
        yield from _below(one)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
