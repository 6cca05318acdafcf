"""Finds the published data that some tests read, kept beside the project and not in it."""

import csv
import io
import os
from pathlib import Path

import pytest


def shared_data(*names: str) -> Path:
    """A file below `ACCOMPANY_SHARED_DATA`, or else `../shared/data` as seen from the project; skips if missing."""
    root = Path(os.environ.get("ACCOMPANY_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")
    path = root.joinpath(*names)
    if not path.exists():
        pytest.skip(f"{'/'.join(names)} is not there; ACCOMPANY_SHARED_DATA names the folder that holds it")
    return path


def spreadsheet(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file in UTF-8, by plain means that owe the importer nothing. NULs stay as they are."""
    text = path.read_bytes().decode("utf-8-sig")
    header = text.partition("\n")[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
