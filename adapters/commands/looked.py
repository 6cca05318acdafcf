"""What a command shows of people stands in the access log before it is shown, as what the service answers does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar
from uuid import UUID

from adapters.disclosure import Disclosure, Shown
from adapters.postgres.access_log import AccessLog
from adapters.postgres.stored import NotStorable, StoreBusy, StoreUnavailable
from adapters.telemetry import current_trace_id
from application.caller import Caller
from application.ids import new_id
from audit.access import AccessEntry
from domain.purposes import OtherBasis


class LookNotLogged(Exception):
    code: ClassVar[str] = "access-not-logged"

    def __init__(self) -> None:
        super().__init__(
            "Who looks at personal data is written down first, and that can't be done just now. "
            "Nothing was shown or written to a file. Try again."
        )


@asynccontextmanager
async def written_down(
    accesses: AccessLog, by: Caller, read: str, basis: OtherBasis, *, with_decided_on: bool = True
) -> AsyncIterator[None]:
    """What is opened while this block lasts is in the access log when it ends, as shown to `by` by the command `read`.

    `with_decided_on` is False where what is shown was all opened to be shown. Raises LookNotLogged: then nothing may be shown.
    """
    disclosure = Disclosure()
    with disclosure.active():
        yield
    read_id = new_id()
    shown = disclosure.take(with_decided_on=with_decided_on)
    try:
        await accesses.write([_entry(by, read_id, read, basis, one) for one in shown])
    except (StoreBusy, StoreUnavailable, NotStorable):
        raise LookNotLogged from None


def _entry(by: Caller, read_id: UUID, read: str, basis: OtherBasis, shown: Shown) -> AccessEntry:
    return AccessEntry(
        organisation_id=by.organisation_id,
        read_id=read_id,
        member_id=by.member_id,
        role=by.role.value,
        read=read,
        person_id=shown.person_id,
        mentorship_id=shown.mentorship_id,
        positions=tuple(sorted(shown.positions)),
        topics=tuple(sorted(shown.topics)),
        fields=tuple(sorted(shown.fields)),
        purpose=None,
        legal_basis=basis.basis.value,
        consent_version=None,
        consent_as_of=None,
        outcome="shown",
        refusal=None,
        trace_id=current_trace_id(),
    )
