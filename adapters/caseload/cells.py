"""Reads one cell as what its column holds.

Some spellings have two readings: 03/04/2025 is a day in April or in March, 1,234 is a little more than one or a good
thousand. `readings` gives each by its style, and `settled` finds the style that a whole column speaks for.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from adapters.caseload.columns import Column, Kind
from domain.occurred import NoSuchLocalTime, TimeOutOfRange, at_place
from domain.vocabulary import CefrLevel

DAY_FIRST, MONTH_FIRST = "day-first", "month-first"
COMMA, POINT = "decimal-comma", "decimal-point"
STYLES: dict[Kind, tuple[str, ...]] = {
    Kind.DATE: (DAY_FIRST, MONTH_FIRST),
    Kind.LOCAL_TIME: (DAY_FIRST, MONTH_FIRST),
    Kind.DECIMAL: (COMMA, POINT),
}
DIRECTIVES = frozenset("dmYHMS")


@dataclass(frozen=True, slots=True)
class Language:
    """A language that somebody speaks, by its BCP 47 tag as told, and how well where it is known."""

    code: str
    level: CefrLevel | None = None


type Value = str | date | datetime | int | Decimal | bool | StrEnum | tuple[Language, ...] | None


class Unreadable(Exception):
    """The cell is not what its column holds; `code` is the reason, one of `adapters.caseload.rows.MESSAGES`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def value(cell: str, column: Column, *, style: str | None, zone: ZoneInfo) -> Value:
    """What the cell says; None where it is blank. Text is kept as it came; the rest is read without space around it.

    `style` is one of `STYLES`, a strptime pattern for dates and times, or None where the column speaks for none. A time
    is local to `zone` and answered with it: of a time that the clocks show twice the first is meant. Raises Unreadable.
    """
    if "\0" in cell:
        raise Unreadable("nul-character")
    if any("\ud800" <= character <= "\udfff" for character in cell):
        raise Unreadable("lone-surrogate")
    if len(cell) > column.longest:
        raise Unreadable("too-long")
    if _blank(cell):
        if column.required:
            raise Unreadable("missing-value")
        return None
    if column.kind is Kind.TEXT:
        return cell
    cell = cell.strip()
    match column.kind:
        case Kind.IDENTIFIER:
            return cell
        case Kind.INTEGER:
            return _integer(cell)
        case Kind.YES_NO:
            return _yes_or_no(cell)
        case Kind.TERM:
            return _term(cell, column.terms)
        case Kind.LANGUAGE:
            return _language_code(cell)
        case Kind.LANGUAGES:
            return _languages(cell)
        case kind:
            found = _styled(cell, kind, style)
            return _in_zone(found, zone) if isinstance(found, datetime) else found


def readings(cell: str, kind: Kind) -> dict[str, date | datetime | Decimal]:
    """Every reading of a date, a time or a decimal by its style; empty where it has none."""
    found: dict[str, date | datetime | Decimal] = {}
    for style in STYLES[kind]:
        read = _by_style(cell.strip(), kind, style)
        if read is not None:
            found[style] = read
    return found


def settled(cells: Iterable[str], kind: Kind) -> str | None:
    """The style that some cells of a column can only be read in; None where there are none, or they contradict."""
    spoken: set[str] = set()
    for cell in cells:
        found = readings(cell, kind)
        if len(found) == 1:
            spoken |= found.keys()
    return spoken.pop() if len(spoken) == 1 else None


def _styled(cell: str, kind: Kind, style: str | None) -> date | datetime | Decimal:
    reason = {Kind.DATE: "date", Kind.LOCAL_TIME: "time", Kind.DECIMAL: "number"}[kind]
    if style is not None and "%" in style and (told := _by_pattern(cell, kind, style)) is not None:
        return told
    found = readings(cell, kind)
    if not found or (style is not None and "%" in style and not _ISO_START.match(cell)):
        raise Unreadable(f"not-a-{reason}")
    if style in found:
        return found[style]
    if len(set(found.values())) > 1:
        raise Unreadable("ambiguous-number" if kind is Kind.DECIMAL else "ambiguous-date")
    # Only one reading: what the rest of the column speaks for does not matter.
    return next(iter(found.values()))


def _by_style(cell: str, kind: Kind, style: str) -> date | datetime | Decimal | None:
    if kind is Kind.DECIMAL:
        return _number(cell, style)
    return _day(cell, style) if kind is Kind.DATE else _moment(cell, style)


def _by_pattern(cell: str, kind: Kind, pattern: str) -> date | datetime | None:
    try:
        # The pattern names no offset: it is read as local time, and `_in_zone` says where.
        moment = datetime.strptime(cell, pattern)  # noqa: DTZ007
    except ValueError:
        return None
    return moment.date() if kind is Kind.DATE else moment


# Read whatever the column's format: messages advise it for mending.
_ISO_START = re.compile(r"\d{4}-")
_ISO_DAY = re.compile(r"(?P<y>\d{4})[-/](?P<m>\d{1,2})[-/](?P<d>\d{1,2})")
_DOTTED_DAY = re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})")
_SLASHED_DAY = {
    DAY_FIRST: re.compile(r"(?P<d>\d{1,2})[-/](?P<m>\d{1,2})[-/](?P<y>\d{4})"),
    MONTH_FIRST: re.compile(r"(?P<m>\d{1,2})[-/](?P<d>\d{1,2})[-/](?P<y>\d{4})"),
}
_MOMENT = re.compile(
    r"(?P<day>\S+?)(?:T|\s+)(?P<h>\d{1,2}):(?P<min>\d{2})(?::(?P<s>\d{2})(?:\.\d+)?)?"
    r"(?P<offset>Z|(?P<sign>[+-])(?P<oh>\d{2}):?(?P<om>\d{2}))?"
)


def _day(cell: str, style: str) -> date | None:
    for pattern in (_ISO_DAY, _DOTTED_DAY, _SLASHED_DAY[style]):
        if found := pattern.fullmatch(cell):
            try:
                return date(int(found["y"]), int(found["m"]), int(found["d"]))
            except ValueError:
                return None
    return None


def _moment(cell: str, style: str) -> datetime | None:
    found = _MOMENT.fullmatch(cell)
    day = _day(found["day"], style) if found else None
    if found is None or day is None:
        return None
    offset = None
    if found["offset"]:
        ahead = timedelta(hours=int(found["oh"] or 0), minutes=int(found["om"] or 0))
        if ahead >= timedelta(hours=24):
            return None
        offset = timezone(-ahead if found["sign"] == "-" else ahead)
    try:
        hour, minute, second = int(found["h"]), int(found["min"]), int(found["s"] or 0)
        return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=offset)
    except ValueError:
        return None


def _in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    try:
        if moment.tzinfo is not None:
            return moment.astimezone(zone)
        return at_place(moment, zone, "")
    except NoSuchLocalTime:
        raise Unreadable("no-such-local-time") from None
    except (OverflowError, TimeOutOfRange):
        raise Unreadable("not-a-time") from None


_GROUPING = "'\N{RIGHT SINGLE QUOTATION MARK}\u00a0\u202f "
_NUMBER = {
    style: re.compile(
        rf"[+-]?(?:\d+|[1-9]\d{{0,2}}(?P<group>[{other}{_GROUPING}])\d{{3}}(?:(?P=group)\d{{3}})*)(?:{mark}\d+)?"
    )
    for style, mark, other in ((COMMA, ",", "."), (POINT, r"\.", ","))
}


def _number(cell: str, style: str) -> Decimal | None:
    found = _NUMBER[style].fullmatch(cell)
    if found is None:
        return None
    plain = cell.replace(found["group"], "") if found["group"] else cell
    return Decimal(plain.replace(",", "."))


def _integer(cell: str) -> int:
    # Spreadsheets write whole numbers as 60.0 or 60,0 once a column was shown with decimals.
    found = re.fullmatch(r"([+-]?\d{1,18})(?:[.,]0{1,2})?", cell)
    if found is None:
        raise Unreadable("not-a-number")
    return int(found[1])


_YES_NO = {
    **dict.fromkeys(("yes", "y", "true", "1", "ja", "wahr"), True),
    **dict.fromkeys(("no", "n", "false", "0", "nein", "falsch"), False),
}


def _yes_or_no(cell: str) -> bool:
    answer = _YES_NO.get(cell.casefold())
    if answer is None:
        raise Unreadable("not-yes-or-no")
    return answer


def _term(cell: str, terms: tuple[StrEnum, ...]) -> StrEnum:
    for term in terms:
        if term.value.casefold() == cell.casefold():
            return term
    raise Unreadable("unknown-term")


def _language_code(cell: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", cell):
        raise Unreadable("not-a-language")
    return cell


def _languages(cell: str) -> tuple[Language, ...]:
    spoken: list[Language] = []
    for part in filter(None, (part.strip() for part in cell.split(";"))):
        code, colon, level = part.partition(":")
        if colon and level.strip().upper() not in CefrLevel:
            raise Unreadable("not-a-language")
        spoken.append(Language(_language_code(code.strip()), CefrLevel(level.strip().upper()) if colon else None))
    return tuple(spoken)


def _blank(cell: str) -> bool:
    """Nothing that can be seen: space of any script, and characters that only format."""
    return all(character.isspace() or unicodedata.category(character) in ("Cc", "Cf") for character in cell)
