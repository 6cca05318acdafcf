"""What requests are made of: types that are exact about JSON, and bounded as the domain's texts are.

Models check type and size only; what is true or allowed is the domain's to say. Unknown fields are refused.
"""

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt
from pydantic_core import PydanticCustomError

from domain.text import LONG, SHORT

# Names that may stand in a pointer to a field, because they are ours: a field that the sender invented may be named after somebody.
FIELD_NAMES: set[str] = set()

_DAY = re.compile(r"^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$")
# RFC 3339. The domain asks for the offset, with a message of its own.
_MOMENT = re.compile(
    r"^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?$"
)


class Submitted(BaseModel):
    """Base of every request body and of the objects in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        FIELD_NAMES.update(cls.model_fields)


def _day(value: object) -> object:
    # Pydantic alone would also take a number of seconds for a day.
    if isinstance(value, str) and _DAY.fullmatch(value):
        return value
    raise PydanticCustomError("date_written", "not a day")


def _moment(value: object) -> object:
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return value
    raise PydanticCustomError("datetime_written", "not a time")


type Day = Annotated[date, BeforeValidator(_day), Field(json_schema_extra={"pattern": _DAY.pattern})]
type Moment = Annotated[datetime, BeforeValidator(_moment), Field(json_schema_extra={"pattern": _MOMENT.pattern})]
type Short = Annotated[str, Field(max_length=SHORT)]
type Long = Annotated[str, Field(max_length=LONG)]
type ShortList = Annotated[tuple[Short, ...], Field(max_length=100)]
type Whole = Annotated[StrictInt, Field(ge=-(2**31), le=2**31 - 1)]


class Told(Submitted):
    """When a fact happened, as told: a day, or a time of day with its offset. Neither means now."""

    occurred_on: Day | None = Field(default=None, examples=["2025-03-03"])
    occurred_at: Moment | None = Field(default=None, examples=["2025-03-03T09:30:00+01:00"])
