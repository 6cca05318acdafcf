"""Commands on people."""

from uuid import UUID

from application.caller import Caller, Receipt, Submission
from application.permissions import refuse_unless
from application.record import Entry, MovedOn, Record
from domain.errors import Refusal, Stale
from domain.person import Details, Person
from domain.vocabulary import PersonRole


class People:
    """Registers people and puts their details right. Who may see a person is the caller's to check (it takes a projection)."""

    def __init__(self, record: Record) -> None:
        self._record = record

    async def register(
        self, by: Caller, submission: Submission, person_id: UUID, *, role: PersonRole, details: Details
    ) -> Receipt:
        """Raises NotAllowed, KeyReused or the domain's refusal. A repeat gets the first answer."""
        refuse_unless(by, "register")
        person = Person.register(person_id, role=role, details=details, told=by.told())
        entry = Entry.of(submission, person, {"id": str(person_id)})
        try:
            [receipt] = await self._record.append(by, [entry])
        except MovedOn:
            earlier = await self._record.receipt(by, submission)
            if earlier is None:
                raise Stale() from None
            return earlier
        return receipt

    async def correct_details(
        self, by: Caller, submission: Submission, person_id: UUID, *, role: PersonRole, details: Details
    ) -> Receipt:
        """Raises NotFound, NotAllowed, Stale, KeyReused or the domain's refusal. A repeat gets the first answer."""
        refuse_unless(by, "correct_details")
        person = await self._record.person(by, person_id)
        try:
            if submission.expected_version != person.version:
                raise Stale
            person.correct_details(role=role, details=details, told=by.told())
            entry = Entry.of(submission, person, {"id": str(person_id)})
            [receipt] = await self._record.append(by, [entry])
        except (Refusal, MovedOn) as refusal:
            earlier = await self._record.receipt(by, submission)
            if earlier is None:
                raise refusal if isinstance(refusal, Refusal) else Stale() from None
            return earlier
        return receipt
