"""Refusals: what the record says no to, in families that the outside maps once.

A refusal's message says what to do next and never repeats what was submitted; its `code` is stable and is stored by scripts.
"""

from typing import ClassVar


class Refusal(Exception):
    """A command or a value that the record does not take. Nothing was recorded.

    `fields` are the names of the arguments that the refusal is about, for a form or an importer to point at.
    """

    code: ClassVar[str] = "refused"
    message: ClassVar[str] = "The record does not take this."

    def __init__(self, message: str | None = None, *, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message or self.message)
        self.fields = fields


class Invalid(Refusal):
    """A value that can't be true in any state of the record."""

    code = "invalid"
    message = "A value is outside what the record takes."


class RuleBroken(Refusal):
    """A value that may be true, but not in the state that the record is in."""

    code = "rule-broken"
    message = "The state of this record does not allow it."


class NotFound(Refusal):
    """It does not exist, or the one who asks may not see it: the two answers are the same."""

    code = "not-found"
    message = "There is no such entry, or you may not see it."


class NotAllowed(Refusal):
    """The one who asks holds a role that never does this."""

    code = "not-allowed"
    message = "Your role does not do this."


class Stale(Refusal):
    """Somebody else changed the record since it was read."""

    code = "stale-version"
    message = "The record has changed since you read it. Read it again and decide again."


class Busy(Refusal):
    """Others record on the same case faster than this command could. The same command may be handed in again."""

    code = "case-busy"
    message = "Many record on this case at this moment. Hand in the same again, with the same Idempotency-Key."
