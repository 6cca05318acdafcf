"""A person's rights in their data: erasure, restriction, objection, and what holds an erasure back."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Concatenate
from uuid import UUID

from application.caller import Caller, Receipt, Submission
from application.permissions import refuse_unless
from application.record import Entry, MovedOn, Record
from domain.errors import Busy, NotAllowed, NotFound, Refusal, Stale
from domain.person import Person
from domain.retention import Facts, Period, Rule, due, holding, periods
from domain.vocabulary import Role

ATTEMPTS = 8
_CONCERNED = frozenset({Role.TRAINEE, Role.MENTOR})

type MentorshipsOf = Callable[[UUID, UUID], Awaitable[Sequence[UUID]]]
"""The ids of all mentorships, open and closed, of (organisation id, person id), in whichever role."""


class Rights:
    """Who among the staff may see a person is the caller's to check (it takes a projection); everybody else asks for themselves alone."""

    def __init__(self, record: Record, rules: Sequence[Rule], mentorships_of: MentorshipsOf) -> None:
        self._record = record
        self._mentorships_of = mentorships_of
        self.rules = rules

    async def decide[**P](
        self,
        by: Caller,
        submission: Submission,
        person_id: UUID,
        answer: Mapping[str, str | int],
        command: Callable[Concatenate[Person, P], None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Receipt:
        """Runs one command on a person and records what it decided. These are facts, and are tried again when somebody else was faster.

        Raises NotAllowed, NotFound, Stale, KeyReused or the domain's refusal. A repeat gets the first answer.
        """
        refuse_unless(by, command.__name__)
        if by.role in _CONCERNED and by.person_id != person_id:
            raise NotFound
        for _ in range(ATTEMPTS):
            person = await self._record.person(by, person_id)
            try:
                if submission.expected_version not in (None, person.version):
                    raise Stale
                command(person, *args, **kwargs)
            except NotAllowed:
                raise
            except Refusal as refusal:
                earlier = await self._record.receipt(by, submission)
                if earlier is None:
                    raise refusal
                return earlier
            try:
                [receipt] = await self._record.append(by, [Entry.of(submission, person, answer)])
            except MovedOn:
                continue
            return receipt
        raise Busy

    async def approve_erasure(self, by: Caller, submission: Submission, person_id: UUID) -> Receipt:
        """A second member agrees, unless a duty to keep the data holds today. Raises as `decide`."""
        refuse_unless(by, "approve_erasure")
        facts = await self.facts(by, person_id)
        return await self.decide(
            by,
            submission,
            person_id,
            {},
            Person.approve_erasure,
            by.told(),
            approved_by=by.member_id,
            longest=holding(self.rules, facts, by.today),
        )

    async def facts(self, by: Caller, person_id: UUID) -> Facts:
        """What the rules on keeping data need to know, from the record itself and not from a read model. Raises NotFound."""
        person = await self._record.person(by, person_id)
        cases = [
            await self._record.mentorship(by, case)
            for case in await self._mentorships_of(by.organisation_id, person_id)
        ]
        closed = [case.closed_on for case in cases if case.closed_on is not None]
        still_open = len(cases) - len(closed)
        last = max(closed) if closed and not still_open else None
        return Facts(person.registered_on, still_open, last, tuple(person.funding))

    async def kept_until(self, by: Caller, person_id: UUID) -> list[Period]:
        """Every rule that applies to a person, with its last day. Raises NotFound."""
        return periods(self.rules, await self.facts(by, person_id))

    async def due(self, by: Caller, person_id: UUID) -> tuple[Period | None, bool]:
        """The rule that held longest and has ended, None while any holds; and whether a legal hold stands. Raises NotFound."""
        person = await self._record.person(by, person_id)
        return due(self.rules, await self.facts(by, person_id), by.today), bool(person.holds)
