"""A released report as files for machines: the report itself, its figures as CSV, and a Frictionless data package that names both.

The bytes of `report.json` are what the digest in the register is made of: `sha256sum report.json` is all that a check needs.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator

from domain.report import Content
from projections.indicators.catalogue import CATALOGUE

COLUMNS = {
    "indicator": ("string", "Code of the indicator; its definition stands in the package."),
    "version": ("integer", "Version of the definition."),
    "unit": ("string", "What is counted."),
    "breakdown": ("string", "Categories as name=category, separated by blanks; empty for the total."),
    "value": ("integer", "The figure; empty where it is kept back."),
    "kept_back": ("boolean", "Whether the figure is kept back, because it is small or would give one away that is."),
}
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def report_json(content: Content) -> bytes:
    return content.as_json.encode()


def figures_csv(content: Content) -> bytes:
    """UTF-8, commas, CRLF, as RFC 4180 has it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in _rows(content):
        writer.writerow([_plain(cell) for cell in row])
    return text.getvalue().encode()


def data_package(content: Content) -> bytes:
    """After https://datapackage.org, version 1 of the standard, which every reader knows."""
    words = {one.id: one.words for one in CATALOGUE}
    package = {
        "profile": "tabular-data-package",
        "name": f"report-{content.since}-{content.until}",
        "title": f"Figures from {content.since} to {content.until}",
        "created": f"{content.asked_on}T00:00:00Z",
        "resources": [
            {
                "profile": "tabular-data-resource",
                "name": "figures",
                "path": "figures.csv",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                **_checked(figures_csv(content)),
                "schema": {
                    "fields": [
                        {"name": name, "type": kind, "description": said} for name, (kind, said) in COLUMNS.items()
                    ],
                    "missingValues": [""],
                    "primaryKey": ["indicator", "version", "breakdown"],
                },
            },
            {
                "name": "report",
                "path": "report.json",
                "format": "json",
                "mediatype": "application/json",
                "encoding": "utf-8",
                **_checked(report_json(content)),
            },
        ],
        "accompany": {
            "digest": content.digest,
            "definitions": [words.get(one.id, {"id": one.id}) | {"digest": one.digest} for one in content.definitions],
            "medians": [{"indicator": one.indicator, "days": one.days} for one in content.medians],
        },
    }
    return json.dumps(package, ensure_ascii=False, indent=2).encode()


def _rows(content: Content) -> Iterator[tuple[str, ...]]:
    units = {one.id: one.unit.value for one in CATALOGUE}
    for figure in content.figures:
        indicator, *at = figure.key.split("/")
        code, _, version = indicator.partition("@")
        yield (
            code,
            version or "1",
            units.get(indicator, "persons"),
            " ".join(at),
            "" if figure.value is None else str(figure.value),
            str(figure.value is None).lower(),
        )


def _plain(cell: str) -> str:
    """Text that a spreadsheet shows and does not compute."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _checked(content: bytes) -> dict[str, object]:
    return {"bytes": len(content), "hash": f"sha256:{hashlib.sha256(content).hexdigest()}"}
