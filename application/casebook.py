"""Commands on a mentorship: load it, ask whether the caller may, let the domain decide, append what it decided."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Concatenate
from uuid import UUID
from weakref import WeakValueDictionary

from application.caller import Caller, Receipt, Submission
from application.permissions import refuse_unless, refuse_unless_involved
from application.record import Entry, MovedOn, Record, StandingAt
from domain.errors import Busy, NotAllowed, Refusal, Stale
from domain.mentorship import Mentorship, MentorshipEvent
from domain.mentorship.corrections import EntryCorrected, EntryNotFound, as_it_stands
from domain.occurred import Occurred
from domain.restriction import refuse_unless_free
from domain.vocabulary import Track

# Facts conflict with nothing: whoever was slower decides again on what the faster one recorded.
ATTEMPTS = 8
# So many cases stay in memory as the last command left them: loading one again took most of a command's time. Another process may
# have recorded more by then, on the case or about its people. What is decided on such a case is recorded only if none has, and a refusal
# counts only after a fresh look.
KEPT = 1_000


@dataclass(frozen=True, slots=True)
class _Kept:
    """A case as the last command left it, and what kept its people's data from being used then."""

    mentorship: Mentorship
    standings: dict[UUID, StandingAt]


class Casebook:
    """Records facts and decisions about mentorships."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
        self._kept: dict[tuple[UUID, UUID], _Kept] = {}
        self._forgotten = 0

    def forget(self) -> None:
        """Drops the cases in memory, and those that are being decided on do not come back: somebody in them may have been erased."""
        self._kept.clear()
        self._forgotten += 1

    async def start(
        self,
        by: Caller,
        submission: Submission,
        mentorship_id: UUID,
        *,
        trainee_id: UUID,
        mentor_id: UUID,
        caseworker_id: UUID,
        track: Track,
        started: Occurred,
        reference: str = "",
    ) -> Receipt:
        """Opens a case. Raises NotFound for a person who is not on record, or the domain's refusal."""
        refuse_unless(by, "start")
        try:
            mentorship = Mentorship.start(
                mentorship_id,
                trainee=await self._record.person(by, trainee_id),
                mentor=await self._record.person(by, mentor_id),
                caseworker_id=caseworker_id,
                track=track,
                started=started,
                reference=reference,
            )
        except Refusal as refusal:
            return await self._earlier(by, submission, refusal)
        entry = Entry.of(submission, mentorship, {"id": str(mentorship_id)})
        try:
            [receipt] = await self._record.append(by, [entry])
        except MovedOn:
            return await self._earlier(by, submission, Stale())
        return receipt

    async def decide[**P](
        self,
        by: Caller,
        submission: Submission,
        mentorship_id: UUID,
        answer: Mapping[str, str | int],
        command: Callable[Concatenate[Mentorship, P], None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Receipt:
        """Runs one command of the aggregate and records what it decided.

        Raises NotFound where the caller may not see the case, NotAllowed where their role never does this, Stale where the case
        is not at the submission's expected version, KeyReused, or the domain's refusal. A repeat gets the first answer.
        """

        async def run(case: Mentorship) -> None:
            command(case, *args, **kwargs)

        return await self._decide(by, submission, mentorship_id, answer, command.__name__, run)

    async def correct(
        self,
        by: Caller,
        submission: Submission,
        mentorship_id: UUID,
        version: int,
        *,
        changes: Mapping[str, Any],
        reason: str,
    ) -> Receipt:
        """Puts an entry right, named by its version; no changes at all takes the entry back. Raises EntryNotFound, or as `decide`."""
        command = "correct_entry" if changes else "retract_entry"

        async def put_right(case: Mentorship) -> None:
            events = await self._record.history(by, mentorship_id)
            found = next((e for e in events if e.originator_version == version), None)
            if not isinstance(found, MentorshipEvent):
                raise EntryNotFound
            entry = as_it_stands(found, (e for e in events if isinstance(e, EntryCorrected)))
            if changes:
                case.correct_entry(entry, by.told(), changes=changes, reason=reason)
            else:
                case.retract_entry(entry, by.told(), reason=reason)

        return await self._decide(by, submission, mentorship_id, {"corrects": version}, command, put_right)

    async def _decide(
        self,
        by: Caller,
        submission: Submission,
        mentorship_id: UUID,
        answer: Mapping[str, str | int],
        name: str,
        command: Callable[[Mentorship], Awaitable[None]],
    ) -> Receipt:
        # Within this process they take turns; only other processes can then be faster.
        async with self._turns.setdefault(mentorship_id, asyncio.Lock()):
            return await self._decide_in_turn(by, submission, mentorship_id, answer, name, command)

    async def _decide_in_turn(
        self,
        by: Caller,
        submission: Submission,
        mentorship_id: UUID,
        answer: Mapping[str, str | int],
        name: str,
        command: Callable[[Mentorship], Awaitable[None]],
    ) -> Receipt:
        case = by.organisation_id, mentorship_id
        for _ in range(ATTEMPTS):
            # Taken out, since deciding changes it; it comes back once what it decided is on record.
            forgotten = self._forgotten
            kept = self._kept.pop(case, None)
            mentorship = kept.mentorship if kept else await self._record.mentorship(by, mentorship_id)
            try:
                refuse_unless_involved(by, mentorship)
                # A role that never does this gets no earlier answer either.
                refuse_unless(by, name)
                if submission.expected_version not in (None, mentorship.version):
                    raise Stale
                standings = await self._standings(by, mentorship, kept)
                refuse_unless_free(name, *(one.standing for one in standings.values()))
                await command(mentorship)
            except Refusal as refusal:
                if kept:
                    continue
                if isinstance(refusal, NotAllowed):
                    raise
                return await self._earlier(by, submission, refusal)
            # A restriction holds from the moment that it is on record, in whatever process: then these have moved on.
            relies_on = [(person_id, one.version) for person_id, one in standings.items()]
            entry = Entry.of(submission, mentorship, answer, relies_on)
            try:
                [receipt] = await self._record.append(by, [entry])
            except MovedOn:
                continue
            if not receipt.repeated and forgotten == self._forgotten:
                self._keep(case, _Kept(mentorship, standings))
            return receipt
        raise Busy

    async def _standings(self, by: Caller, case: Mentorship, kept: "_Kept | None") -> dict[UUID, StandingAt]:
        """Of the trainee and the mentor, in this order."""
        people = case.trainee_id, case.mentor_id
        if kept and tuple(kept.standings) == people:
            return kept.standings
        found = await self._record.standings(by, people)
        return {person_id: found[person_id] for person_id in people}

    def _keep(self, case: tuple[UUID, UUID], kept: "_Kept") -> None:
        self._kept[case] = kept
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]

    async def _earlier(self, by: Caller, submission: Submission, refusal: Refusal) -> Receipt:
        """What was recorded under this key, if anything: it may be the very reason for the refusal, which is raised otherwise."""
        earlier = await self._record.receipt(by, submission)
        if earlier is None:
            raise refusal
        return earlier
