"""Nothing in the record is edited. A correction is a fact of its own that names the one it puts right."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, get_type_hints

import msgspec

from domain.errors import Invalid, NotFound, RuleBroken
from domain.mentorship.accompaniments import WhatCameOfIt, refuse_before
from domain.mentorship.goals import BeforeGoal, GoalDropped, GoalReached, GoalRevised, GoalSet
from domain.mentorship.outcomes import OutcomePart
from domain.mentorship.part import MentorshipEvent
from domain.occurred import Occurred, OccurredInFuture
from domain.personal import OF_MENTOR, OF_TRAINEE, personal_fields
from domain.text import check_text


class EntryNotFound(NotFound):
    code = "entry-not-found"
    message = "There is no such entry in this mentorship."


class EntryNotCorrectable(RuleBroken):
    code = "entry-not-correctable"
    message = "Entries of this kind are not corrected. Record what happened since as a fact of its own."


class EntryRetractedAlready(RuleBroken):
    code = "entry-retracted"
    message = "This entry was taken back. Record the right one as a new fact."


class FieldNotCorrectable(Invalid):
    code = "field-not-correctable"
    message = "This field can't be corrected in an entry of this kind."


class ValueNotUnderstood(Invalid):
    code = "value-not-understood"
    message = "The corrected value is not of the kind that this field takes."


class OthersRestOnIt(RuleBroken):
    code = "others-rest-on-it"
    message = "Other entries rest on this one. Take those back first."


class ReasonMissing(Invalid):
    code = "reason-missing"
    message = "Say why the entry is corrected."


class EntryCorrected(MentorshipEvent):
    """`corrects` is the version of the entry put right. Each `…changes` holds new values by field, in JSON's own types.

    They stand in three groups so that each can be sealed, or not, just as the field in the corrected entry is.
    """

    TOPIC = "entry-corrected"
    corrects: int
    corrected_topic: str
    reason: Annotated[str, OF_TRAINEE]
    changes: dict[str, Any]
    trainee_changes: Annotated[dict[str, Any], OF_TRAINEE]
    mentor_changes: Annotated[dict[str, Any], OF_MENTOR]

    def apply(self, aggregate: "CorrectionPart") -> None:
        if "occurred_on" in self.changes:
            day = date.fromisoformat(self.changes["occurred_on"])
            for days in aggregate.resting.values():
                if self.corrects in days:
                    days[self.corrects] = day
            for goal in aggregate.goals.values():
                if goal.set_by == self.corrects:
                    goal.set_on = day
        for appointment in aggregate.appointments.values():
            if appointment.concluded_by == self.corrects:
                if "next_step" in self.trainee_changes:
                    appointment.step_named = bool(self.trainee_changes["next_step"])
                if "deadline" in self.changes:
                    deadline = self.changes["deadline"]
                    appointment.deadline = date.fromisoformat(deadline) if deadline else None


class EntryRetracted(MentorshipEvent):
    """The entry named by `corrects` should never have been made: a wrong case, a double entry."""

    TOPIC = "entry-retracted"
    corrects: int
    corrected_topic: str
    reason: Annotated[str, OF_TRAINEE]

    def apply(self, aggregate: "CorrectionPart") -> None:
        aggregate.retracted.add(self.corrects)
        for days in aggregate.resting.values():
            days.pop(self.corrects, None)
        aggregate.sessions = {key: by for key, by in aggregate.sessions.items() if by != self.corrects}
        aggregate.outcomes = {key: by for key, by in aggregate.outcomes.items() if by != self.corrects}
        aggregate.goals = {key: goal for key, goal in aggregate.goals.items() if goal.set_by != self.corrects}
        for goal in aggregate.goals.values():
            if goal.ended_by == self.corrects:
                goal.reopen()
        aggregate.appointments = {key: a for key, a in aggregate.appointments.items() if a.booked_by != self.corrects}
        for appointment in aggregate.appointments.values():
            if appointment.concluded_by == self.corrects:
                appointment.reopen()
        aggregate.credentials = {key: c for key, c in aggregate.credentials.items() if c.opened_by != self.corrects}
        for credential in aggregate.credentials.values():
            if credential.decided_by == self.corrects:
                credential.decided_by = None


class CorrectionPart(OutcomePart):
    """Corrections. An entry itself is handed in by the caller, who has just read the stream."""

    retracted: set[int]

    def correct_entry(
        self, entry: MentorshipEvent, occurred: Occurred, *, changes: Mapping[str, Any], reason: str
    ) -> None:
        """Puts fields of an entry right. `entry` is as it stands, earlier corrections applied; `changes` are in JSON's own types.

        A fact that is moved to another day needs a consent that was in force on that day.
        Raises EntryNotCorrectable, EntryRetractedAlready, FieldNotCorrectable, ValueNotUnderstood, ReasonMissing, ConsentMissing,
        BeforeAppointment, BeforeGoal, TargetBeforeGoal, a day outside the mentorship or the refusal of the corrected entry itself.
        """
        self._correctable(entry, reason)
        if not changes or set(changes) - entry.CORRECTABLE:
            raise FieldNotCorrectable(fields=("changes",))  # not by name: it is whatever was submitted
        corrected = with_changes(entry, changes)
        relied_on = None
        if corrected.occurred_on != entry.occurred_on:
            relied_on = self._check_new_day(entry, corrected.occurred_on, occurred)
        if "target_on" in changes and isinstance(corrected, GoalRevised) and corrected.goal_id in self.goals:
            self.goals[corrected.goal_id].refuse_target_before(corrected.target_on)
        corrected.check()
        marks = personal_fields(type(entry))
        kept = {name: _json(getattr(corrected, name)) for name in changes}
        self._record(
            EntryCorrected,
            occurred,
            relied_on=relied_on,
            mentor_id=entry.mentor_id,
            corrects=entry.originator_version,
            corrected_topic=entry.TOPIC,
            reason=reason,
            changes={name: value for name, value in kept.items() if name not in marks},
            trainee_changes={name: value for name, value in kept.items() if marks.get(name) == OF_TRAINEE},
            mentor_changes={name: value for name, value in kept.items() if marks.get(name) == OF_MENTOR},
        )

    def retract_entry(self, entry: MentorshipEvent, occurred: Occurred, *, reason: str) -> None:
        """Takes an entry back. Raises EntryNotCorrectable, EntryRetractedAlready, OthersRestOnIt or ReasonMissing.

        What can't be taken back by itself, as an appointment's move, goes with the entry that it rests on.
        """
        self._correctable(entry, reason)
        if self.resting.get(entry.originator_version):
            raise OthersRestOnIt
        self._record(
            EntryRetracted,
            occurred,
            mentor_id=entry.mentor_id,
            corrects=entry.originator_version,
            corrected_topic=entry.TOPIC,
            reason=reason,
        )

    def _correctable(self, entry: MentorshipEvent, reason: str) -> None:
        if not entry.CORRECTABLE:
            raise EntryNotCorrectable
        if entry.originator_version in self.retracted:
            raise EntryRetractedAlready
        if not reason.strip():
            raise ReasonMissing(fields=("reason",))
        check_text(reason=reason)

    def _check_new_day(self, entry: MentorshipEvent, day: date, told: Occurred) -> int:
        if day > told.on:
            raise OccurredInFuture(fields=("occurred_on",))
        if entry.AFTER_CLOSE:
            self._refuse_before_start(day)
        else:
            self._refuse_outside(day)
        self._refuse_out_of_order(entry, day)
        if entry.PURPOSE is None:
            raise EntryNotCorrectable
        return self.relied_on(entry.PURPOSE, Occurred(day))

    def _refuse_out_of_order(self, entry: MentorshipEvent, day: date) -> None:
        if isinstance(entry, WhatCameOfIt) and (appointment := self.appointments.get(entry.appointment_id)):
            refuse_before(appointment, day)
        if isinstance(entry, GoalRevised | GoalReached | GoalDropped) and (goal := self.goals.get(entry.goal_id)):
            goal.refuse_before(day)
        if isinstance(entry, GoalSet) and any(
            said < day for said in self.resting.get(entry.originator_version, {}).values()
        ):
            raise BeforeGoal(fields=("occurred_on",))


def with_changes(entry: MentorshipEvent, changes: Mapping[str, Any]) -> MentorshipEvent:
    """The entry with values replaced, each read strictly as the type its field declares. Raises ValueNotUnderstood."""
    hints = get_type_hints(type(entry))
    typed: dict[str, Any] = {}
    for name, value in changes.items():
        try:
            typed[name] = msgspec.convert(value, hints[name])
        except msgspec.ValidationError:
            raise ValueNotUnderstood(fields=(name,)) from None
    if "occurred_on" in typed:
        typed["occurred_at"] = None
    corrected = replace(entry, **typed)
    if entry.erased:
        object.__setattr__(corrected, "erased", entry.erased)
    return corrected


def _json(value: Any) -> Any:
    """In JSON's own types only: a tuple would come back from the store as a list, and not be the same."""
    return msgspec.json.decode(msgspec.json.encode(value))


def as_it_stands(entry: MentorshipEvent, corrections: Iterable[EntryCorrected]) -> MentorshipEvent:
    """The entry after its corrections, applied in order."""
    for correction in corrections:
        if correction.corrects == entry.originator_version:
            entry = with_changes(
                entry, {**correction.changes, **correction.trainee_changes, **correction.mentor_changes}
            )
    return entry
