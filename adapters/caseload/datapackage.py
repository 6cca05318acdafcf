"""A folder's datapackage.json: which file is which of our spreadsheets, what its columns are called, how to read it.

It is a Frictionless Data Package (https://datapackage.org/standard/data-package/) of which this much is used:

    {"timezone": "Europe/Berlin",
     "resources": [{"name": "people", "path": "Personen.csv", "encoding": "cp1252", "dialect": {"delimiter": ";"},
                    "schema": {"fields": [{"name": "Nr.", "accompany": "person_id"},
                                          {"name": "geboren", "accompany": "born_on", "format": "%d.%m.%Y"}]}}]}

A resource is one of ours by its name, or by a property "accompany" where it has to be called otherwise ("ignore" leaves
it out). A field's `name` is the spreadsheet's own header; "accompany" says which of our columns it is, and a field
without it is the column of that very name, or ignored. "timezone" may stand on the package or on a resource. `format`
is for dates and times, `decimalChar` for decimals. What would change the meaning of cells and is not used here (another
quote character, missing values) is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

import msgspec

from adapters.caseload.cells import COMMA, DIRECTIVES, POINT
from adapters.caseload.columns import BY_NAME, RESOURCES, Column, Kind, Resource
from domain.errors import Invalid

FILE_NAME = "datapackage.json"


class PackageInvalid(Invalid):
    """datapackage.json can't be followed; the message says where in it and why."""

    code = "data-package-invalid"


@dataclass(frozen=True)
class Source:
    """One file to read. `renamed` maps its headers to our columns; what is None or empty is found from the file."""

    resource: Resource
    path: str
    zone: ZoneInfo
    renamed: Mapping[str, str] = field(default_factory=dict)
    styles: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    delimiter: str | None = None


class _Dialect(msgspec.Struct):
    delimiter: str | None = None
    quote_char: str = msgspec.field(name="quoteChar", default='"')
    header: bool = True


class _Field(msgspec.Struct):
    name: str
    accompany: str | None = None
    format: str = "default"
    decimal_char: str | None = msgspec.field(name="decimalChar", default=None)


class _Schema(msgspec.Struct):
    fields: list[_Field] = []
    missing_values: list[str] = msgspec.field(name="missingValues", default_factory=lambda: [""])


class _Resource(msgspec.Struct):
    name: str
    path: str | list[str]
    accompany: str | None = None
    encoding: str | None = None
    timezone: str | None = None
    dialect: _Dialect = msgspec.field(default_factory=_Dialect)
    schema: _Schema = msgspec.field(default_factory=_Schema)


class _Package(msgspec.Struct):
    resources: list[_Resource]
    timezone: str | None = None


def read_package(folder: Path, *, zone: ZoneInfo) -> tuple[Source, ...] | None:
    """The folder's files as its datapackage.json tells them, in the order of import; None where there is none.

    `zone` holds where the package names no other. Raises PackageInvalid.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return None
    if not stays_in(folder, path):
        raise PackageInvalid(f"{FILE_NAME} leads out of the folder. Put the file itself there.")
    try:
        package = msgspec.json.decode(path.read_bytes(), type=_Package)
    except (OSError, msgspec.DecodeError, UnicodeError, RecursionError) as error:
        # msgspec's own message names the place and the types, never what stands there; other errors might.
        said = str(error) if isinstance(error, msgspec.ValidationError) else "it is no readable JSON"
        raise PackageInvalid(f"{FILE_NAME} can't be read: {said}.") from None
    zone = _zone(package.timezone, zone, "timezone")
    sources = [
        source
        for index, told in enumerate(package.resources)
        if told.accompany != "ignore"
        for source in _sources(told, zone, f"resources[{index}]")
    ]
    return tuple(sorted(sources, key=lambda source: RESOURCES.index(source.resource)))


def stays_in(folder: Path, path: Path) -> bool:
    """Whether the file, links followed, is inside the folder."""
    return path.resolve().is_relative_to(folder.resolve())


def _sources(told: _Resource, zone: ZoneInfo, place: str) -> list[Source]:
    resource = BY_NAME.get(told.accompany or told.name)
    if resource is None:
        known = ", ".join(BY_NAME)
        raise PackageInvalid(f'{FILE_NAME}, {place}: give it a property "accompany" with one of: {known}, ignore.')
    if told.schema.missing_values != [""]:
        raise PackageInvalid(f"{FILE_NAME}, {place}.schema.missingValues: only an empty cell counts as missing here.")
    if told.dialect.quote_char != '"' or not told.dialect.header:
        raise PackageInvalid(f"{FILE_NAME}, {place}.dialect: files have a header and double quotation marks here.")
    if told.dialect.delimiter is not None and (len(told.dialect.delimiter) != 1 or told.dialect.delimiter in '"\r\n\0'):
        raise PackageInvalid(f"{FILE_NAME}, {place}.dialect.delimiter: it is one character.")
    _check_encoding(told.encoding, f"{place}.encoding")
    renamed, styles = _fields(told.schema.fields, resource, f"{place}.schema.fields")
    zone = _zone(told.timezone, zone, f"{place}.timezone")
    return [
        Source(resource, _path(path, f"{place}.path"), zone, renamed, styles, told.encoding, told.dialect.delimiter)
        for path in ([told.path] if isinstance(told.path, str) else told.path)
    ]


def _fields(fields: list[_Field], resource: Resource, place: str) -> tuple[dict[str, str], dict[str, str]]:
    renamed: dict[str, str] = {}
    styles: dict[str, str] = {}
    for index, told in enumerate(fields):
        column = resource.by_name.get(told.accompany or told.name)
        if column is None and told.accompany is not None:
            known = ", ".join(resource.by_name)
            raise PackageInvalid(f"{FILE_NAME}, {place}[{index}].accompany: {resource.name} has the columns {known}.")
        if column is None:
            continue
        if column.name in renamed.values() or told.name in renamed:
            raise PackageInvalid(f"{FILE_NAME}, {place}[{index}]: this field or its column was named before.")
        renamed[told.name] = column.name
        style = _style(told, column, f"{place}[{index}]")
        if style is not None:
            styles[column.name] = style
    return renamed, styles


def _style(told: _Field, column: Column, place: str) -> str | None:
    if column.kind is Kind.DECIMAL and told.decimal_char is not None:
        if told.decimal_char not in (",", "."):
            raise PackageInvalid(f"{FILE_NAME}, {place}.decimalChar: a comma or a point.")
        return COMMA if told.decimal_char == "," else POINT
    if column.kind not in (Kind.DATE, Kind.LOCAL_TIME) or told.format in ("default", "any"):
        return None
    named = {part[:1] for part in told.format.split("%")[1:]}
    needed = {"d", "m", "Y"} | ({"H", "M"} if column.kind is Kind.LOCAL_TIME else set())
    if not needed <= named or not named <= DIRECTIVES or (column.kind is Kind.DATE and named != needed):
        wanted = "%d.%m.%Y" if column.kind is Kind.DATE else "%d.%m.%Y %H:%M"
        raise PackageInvalid(f"{FILE_NAME}, {place}.format: write it as in {wanted}.")
    return told.format


def _path(path: str, place: str) -> str:
    parts = PurePosixPath(path)
    if not path or parts.is_absolute() or ".." in parts.parts or "\\" in path or ":" in path or "\0" in path:
        raise PackageInvalid(f"{FILE_NAME}, {place}: a path inside the folder, without ..")
    return str(parts)


def _check_encoding(encoding: str | None, place: str) -> None:
    try:
        b"x".decode(encoding or "utf-8")
    except (LookupError, UnicodeError, ValueError):
        # One byte is no whole text in the wide encodings, but their names are known.
        if (encoding or "").lower().replace("_", "-").startswith(("utf-16", "utf-32")):
            return
        raise PackageInvalid(f"{FILE_NAME}, {place}: this encoding is not known here.") from None


def _zone(name: str | None, otherwise: ZoneInfo, place: str) -> ZoneInfo:
    if name is None:
        return otherwise
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise PackageInvalid(f"{FILE_NAME}, {place}: name a time zone as in Europe/Berlin.") from None
