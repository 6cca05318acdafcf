"""The rules on keeping data: the examples that come with the service, or the organisation's own in the data folder."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import msgspec

from domain.errors import Invalid
from domain.retention import CountedFrom, Rule
from domain.text import check_codes

FILE_NAME = "retention.toml"

type Years = Annotated[int, msgspec.Meta(ge=0, le=100)]


class RulesUnusable(Invalid):
    """What is wrong with the file is said by the place in it, never by what stands there."""

    code = "retention-rules-unusable"
    message = "The rules on keeping data can't be read."


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    title: str
    data_class: str
    years: Years
    counted_from: CountedFrom
    funder: str = ""
    duty: bool = False
    source: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    rule: list[_Written] = []


def retention_rules(data: Path) -> tuple[Rule, ...]:
    """Raises RulesUnusable: with rules that can't be read, nothing may be erased and nothing is due."""
    own = data / FILE_NAME
    try:
        text = (own if own.exists() else files("adapters").joinpath("reference", FILE_NAME)).read_text(encoding="utf-8")
        found = msgspec.convert(tomllib.loads(text), _File)
        for one in found.rule:
            check_codes(id=(one.id,), data_class=(one.data_class,), funder=(one.funder,))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RulesUnusable(f"The rules on keeping data in {own} can't be read: {type(error).__name__}.") from None
    except msgspec.ValidationError as error:
        place = str(error).rpartition(" - at ")[2]
        raise RulesUnusable(f"The rules on keeping data in {own} are not in their form, at {place}.") from None
    except Invalid as error:
        raise RulesUnusable(f"The rules on keeping data in {own}: {error}") from None
    if len({one.id for one in found.rule}) < len(found.rule):
        raise RulesUnusable(f"Two rules on keeping data in {own} have the same id.")
    return tuple(
        Rule(one.id, one.title, one.data_class, one.years, one.counted_from, one.funder, one.duty, one.source)
        for one in found.rule
    )
