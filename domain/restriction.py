"""Restricting the use of a person's data, and objecting to a use that rests on legitimate interests (GDPR articles 18 and 21)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from domain.erasure import ErasureApproved, ErasurePart, PersonalDataErased, PersonErased
from domain.errors import NotFound, RuleBroken
from domain.events import PersonEvent
from domain.occurred import Occurred
from domain.personal import OF_SELF
from domain.purposes import BASIS_OF, OtherBasis
from domain.text import check_text
from domain.vocabulary import LegalBasis


class RestrictionGround(StrEnum):
    """Article 18 (1) a to d."""

    ACCURACY_CONTESTED = "accuracy-contested"
    UNLAWFUL = "unlawful"
    NEEDED_FOR_CLAIMS = "needed-for-claims"
    OBJECTION_PENDING = "objection-pending"


class Interest(StrEnum):
    """What the organisation does on the ground of legitimate interests: who answers for a case, and counting."""

    CASE_ADMINISTRATION = "case-administration"
    STATISTICS = "statistics"


class ObjectionOutcome(StrEnum):
    """*Overridden*: compelling legitimate grounds were shown, or the data are needed for legal claims."""

    UPHELD = "upheld"
    OVERRIDDEN = "overridden"


class RestrictedAlready(RuleBroken):
    code = "restricted-already"
    message = "The use of this person's data is restricted already."


class NotRestricted(RuleBroken):
    code = "not-restricted"
    message = "The use of this person's data is not restricted."


class PersonNotTold(RuleBroken):
    """Article 18 (3): before a restriction is lifted, the person is told."""

    code = "person-not-told"
    message = "Tell the person before the restriction is lifted, and give the day on which you told them."


class ObjectedAlready(RuleBroken):
    code = "objected-already"
    message = "An objection to this is on record. Decide that one first."


class ObjectionNotFound(NotFound):
    code = "objection-not-found"
    message = "There is no such objection, or it is decided already."


class ProcessingRestrictedNow(RuleBroken):
    code = "processing-restricted"
    message = (
        "The use of this person's data is restricted: nothing new is recorded until that is lifted. "
        "Withdrawing consent, correcting and erasing are always possible."
    )


class ObjectionStands(RuleBroken):
    code = "objection-stands"
    message = "The person has objected to this use of their data. It rests until the objection is decided in the organisation's favour."


@dataclass(frozen=True, slots=True)
class Objection:
    interest: Interest
    raised_on: date
    outcome: ObjectionOutcome | None = None

    @property
    def stands(self) -> bool:
        """Undecided, or decided for the person."""
        return self.outcome is not ObjectionOutcome.OVERRIDDEN


@dataclass(frozen=True, slots=True)
class Standing:
    """What keeps a person's data from being used."""

    erased: bool = False
    restricted: bool = False
    objected: frozenset[Interest] = frozenset()


FREE = Standing()

# A case whose trainee is erased can still be brought to its end.
AFTER_ERASURE = frozenset({"close"})


def refuse_unless_free(command: str, trainee: Standing, mentor: Standing = FREE) -> None:
    """Whether a command may use these two people's data.

    Raises PersonErased, ProcessingRestrictedNow or ObjectionStands. Nothing of an erased mentor is used by a command on their case, so
    that the trainee's work goes on.
    """
    if trainee.erased and command not in AFTER_ERASURE:
        raise PersonErased
    basis = BASIS_OF[command]
    if isinstance(basis, OtherBasis) and basis.even_restricted:
        return
    if trainee.restricted or mentor.restricted:
        raise ProcessingRestrictedNow
    rests_on_interests = isinstance(basis, OtherBasis) and basis.basis is LegalBasis.LEGITIMATE_INTERESTS
    # To end a case ends the use that was objected to.
    if rests_on_interests and command != "close" and Interest.CASE_ADMINISTRATION in trainee.objected | mentor.objected:
        raise ObjectionStands


class ProcessingRestricted(PersonEvent):
    TOPIC = "processing-restricted"
    ground: RestrictionGround
    note: Annotated[str, OF_SELF]

    def apply(self, aggregate: "RestrictionPart") -> None:
        aggregate.restricted_on = self.occurred_on


class RestrictionLifted(PersonEvent):
    """`person_told_on` is the day on which the person was told that it would be."""

    TOPIC = "restriction-lifted"
    person_told_on: date
    note: Annotated[str, OF_SELF]

    def apply(self, aggregate: "RestrictionPart") -> None:
        aggregate.restricted_on = None


class ObjectionRaised(PersonEvent):
    TOPIC = "objection-raised"
    objection_id: UUID
    interest: Interest
    note: Annotated[str, OF_SELF]

    def apply(self, aggregate: "RestrictionPart") -> None:
        aggregate.objections[self.objection_id] = Objection(self.interest, self.occurred_on)


class ObjectionDecided(PersonEvent):
    TOPIC = "objection-decided"
    objection_id: UUID
    decided_by: UUID
    outcome: ObjectionOutcome
    note: Annotated[str, OF_SELF]

    def apply(self, aggregate: "RestrictionPart") -> None:
        raised = aggregate.objections[self.objection_id]
        aggregate.objections[self.objection_id] = replace(raised, outcome=self.outcome)


class RestrictionPart(ErasurePart):
    """What of a person limits the use of their data. Never used by itself."""

    restricted_on: date | None
    objections: dict[UUID, Objection]

    @property
    def standing(self) -> Standing:
        return Standing(
            self.is_erased,
            self.restricted_on is not None,
            frozenset(one.interest for one in self.objections.values() if one.stands),
        )

    def restrict(self, told: Occurred, *, ground: RestrictionGround, note: str = "") -> None:
        """From now on their data are kept and not used. Raises RestrictedAlready or PersonErased."""
        self._refuse_when_erased()
        check_text(note=note)
        if self.restricted_on is not None:
            raise RestrictedAlready
        self._tell(ProcessingRestricted, told, ground=ground, note=note)

    def lift_restriction(self, told: Occurred, *, person_told_on: date | None, note: str = "") -> None:
        """Raises NotRestricted, PersonNotTold or PersonErased."""
        self._refuse_when_erased()
        check_text(note=note)
        if self.restricted_on is None:
            raise NotRestricted
        if person_told_on is None or person_told_on > told.on:
            raise PersonNotTold(fields=("person_told_on",))
        self._tell(RestrictionLifted, told, person_told_on=person_told_on, note=note)

    def object_to(self, told: Occurred, *, objection_id: UUID, interest: Interest, note: str = "") -> None:
        """The person objects. Until it is decided, what they object to rests. Raises ObjectedAlready or PersonErased."""
        self._refuse_when_erased()
        check_text(note=note)
        open_ones = (one.interest for one in self.objections.values() if one.outcome is None)
        if objection_id in self.objections or interest in open_ones:
            raise ObjectedAlready
        self._tell(ObjectionRaised, told, objection_id=objection_id, interest=interest, note=note)

    def decide_objection(
        self, told: Occurred, *, objection_id: UUID, decided_by: UUID, outcome: ObjectionOutcome, note: str = ""
    ) -> None:
        """Raises ObjectionNotFound or PersonErased."""
        self._refuse_when_erased()
        check_text(note=note)
        raised = self.objections.get(objection_id)
        if raised is None or raised.outcome is not None:
            raise ObjectionNotFound
        self._tell(ObjectionDecided, told, objection_id=objection_id, decided_by=decided_by, outcome=outcome, note=note)

    def usable(self) -> Self:
        """This person, for a new mentorship or to take one over. Raises PersonErased or ProcessingRestrictedNow."""
        refuse_unless_free("start", self.standing)
        return self


DECIDES_STANDING = frozenset(
    event.TOPIC
    for event in (
        ErasureApproved,
        PersonalDataErased,
        ProcessingRestricted,
        RestrictionLifted,
        ObjectionRaised,
        ObjectionDecided,
    )
)


def standing_of(told: Iterable[tuple[str, Any]]) -> Standing:
    """The same as a person's `standing`, from these topics of their stream alone, in order, each with its plain fields: without any key."""
    erased = restricted = False
    objections: dict[UUID, Objection] = {}
    for topic, fields in told:
        match topic:
            case ErasureApproved.TOPIC | PersonalDataErased.TOPIC:
                erased = True
            case ProcessingRestricted.TOPIC:
                restricted = True
            case RestrictionLifted.TOPIC:
                restricted = False
            case ObjectionRaised.TOPIC:
                objections[fields.objection_id] = Objection(fields.interest, fields.occurred_on)
            case ObjectionDecided.TOPIC:
                raised = objections[fields.objection_id]
                objections[fields.objection_id] = replace(raised, outcome=fields.outcome)
    return Standing(erased, restricted, frozenset(one.interest for one in objections.values() if one.stands))
