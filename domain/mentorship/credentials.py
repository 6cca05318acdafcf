"""Recognition of a credential, step by step, along a path that a template proposes and a case may depart from."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from domain.errors import Invalid, NotFound, RuleBroken
from domain.mentorship.accompaniments import AccompanimentPart
from domain.mentorship.part import AlreadyOnRecord, MentorshipEvent
from domain.occurred import Occurred
from domain.personal import OF_TRAINEE
from domain.text import SHORT, check_codes, check_text
from domain.vocabulary import Purpose, RecognitionResult


class CredentialNotFound(NotFound):
    code = "credential-not-found"
    message = "There is no such credential path in this mentorship."


class CredentialDecidedAlready(RuleBroken):
    code = "credential-decided-already"
    message = "A decision is on record. Record an appeal first, or correct the decision."


class NothingToAppeal(RuleBroken):
    code = "nothing-to-appeal"
    message = "There is no decision to appeal against."


class ObjectionTooEarly(Invalid):
    code = "objection-too-early"
    message = "The objection deadline lies before the decision."


class CountryCodeMalformed(Invalid):
    code = "country-code-malformed"
    message = "A country is given by its three capital letters (ISO 3166-1 alpha-3), as DEU."


class StageMissing(Invalid):
    code = "stage-missing"
    message = "Name the step that was taken."


class CredentialPathOpened(MentorshipEvent):
    """`stages` are those of the template at the time of opening; the template may change later, this path does not.

    Profession, template and stages are codes: they stand in plain text.
    """

    TOPIC = "credential-path-opened"
    PURPOSE = Purpose.CREDENTIAL_RECOGNITION
    CORRECTABLE = frozenset({"occurred_on", "country", "profession", "reference_occupation"})
    AFTER_CLOSE = True
    credential_id: UUID
    country: str
    profession: str
    template: str
    stages: tuple[str, ...]
    reference_occupation: Annotated[str, OF_TRAINEE]

    def check(self) -> None:
        if not (
            len(self.country) == 3 and self.country.isascii() and self.country.isalpha() and self.country.isupper()
        ):
            raise CountryCodeMalformed(fields=("country",))
        check_codes(profession=(self.profession,), template=(self.template,), stages=self.stages)
        check_text(SHORT, reference_occupation=self.reference_occupation)

    def apply(self, aggregate: "CredentialPart") -> None:
        aggregate.credentials[self.credential_id] = Credential(self.originator_version)


class CredentialStepTaken(MentorshipEvent):
    """`stage` is a code, of the path's template or of its own."""

    TOPIC = "credential-step-taken"
    PURPOSE = Purpose.CREDENTIAL_RECOGNITION
    AFTER_CLOSE = True
    CORRECTABLE = frozenset({"occurred_on", "stage", "authority", "reference_number", "note"})
    credential_id: UUID
    stage: str
    authority: Annotated[str, OF_TRAINEE]
    reference_number: Annotated[str, OF_TRAINEE]
    note: Annotated[str, OF_TRAINEE]

    def check(self) -> None:
        if not self.stage.strip():
            raise StageMissing(fields=("stage",))
        check_codes(stage=(self.stage,))
        check_text(SHORT, authority=self.authority, reference_number=self.reference_number)
        check_text(note=self.note)

    def apply(self, aggregate: "CredentialPart") -> None:
        self._rests_on(aggregate, aggregate.credentials[self.credential_id].opened_by)


class CredentialDecided(MentorshipEvent):
    """`objection_until` is the last day on which an objection is in time."""

    TOPIC = "credential-decided"
    PURPOSE = Purpose.CREDENTIAL_RECOGNITION
    AFTER_CLOSE = True
    CORRECTABLE = frozenset({"occurred_on", "result", "objection_until", "authority", "reference_number", "note"})
    credential_id: UUID
    result: RecognitionResult
    objection_until: date | None
    authority: Annotated[str, OF_TRAINEE]
    reference_number: Annotated[str, OF_TRAINEE]
    note: Annotated[str, OF_TRAINEE]

    def check(self) -> None:
        check_text(SHORT, authority=self.authority, reference_number=self.reference_number)
        check_text(note=self.note)
        if self.objection_until is not None and self.objection_until < self.occurred_on:
            raise ObjectionTooEarly(fields=("objection_until",))

    def apply(self, aggregate: "CredentialPart") -> None:
        credential = aggregate.credentials[self.credential_id]
        credential.decided_by = self.originator_version
        self._rests_on(aggregate, credential.opened_by)


class CredentialAppealed(MentorshipEvent):
    TOPIC = "credential-appealed"
    PURPOSE = Purpose.CREDENTIAL_RECOGNITION
    AFTER_CLOSE = True
    credential_id: UUID
    ground: Annotated[str, OF_TRAINEE]
    reference_number: Annotated[str, OF_TRAINEE]

    def check(self) -> None:
        check_text(SHORT, reference_number=self.reference_number)
        check_text(ground=self.ground)

    def apply(self, aggregate: "CredentialPart") -> None:
        aggregate.credentials[self.credential_id].decided_by = None


@dataclass(slots=True)
class Credential:
    """A credential path as the rules need it. `opened_by` and `decided_by` are versions; `decided_by` is None while it is open."""

    opened_by: int
    decided_by: int | None = None


class CredentialPart(AccompanimentPart):
    """Credential paths. Authorities are slow: steps are still taken after the mentorship has closed."""

    credentials: dict[UUID, Credential]

    def open_credential_path(
        self,
        credential_id: UUID,
        occurred: Occurred,
        *,
        country: str,
        profession: str,
        template: str = "",
        stages: tuple[str, ...] = (),
        reference_occupation: str = "",
    ) -> None:
        """Raises AlreadyOnRecord, CountryCodeMalformed, CodeMalformed, a day before the start or ConsentMissing."""
        if credential_id in self.credentials:
            raise AlreadyOnRecord
        self._refuse_before_start(occurred.on)
        self._record_fact(
            "open_credential_path",
            CredentialPathOpened,
            occurred,
            credential_id=credential_id,
            country=country,
            profession=profession,
            template=template,
            stages=stages,
            reference_occupation=reference_occupation,
        )

    def take_credential_step(
        self,
        credential_id: UUID,
        occurred: Occurred,
        *,
        stage: str,
        authority: str = "",
        reference_number: str = "",
        note: str = "",
    ) -> None:
        """Raises CredentialNotFound, StageMissing, CodeMalformed, a day before the start or ConsentMissing."""
        self._credential(credential_id, occurred)
        self._record_fact(
            "take_credential_step",
            CredentialStepTaken,
            occurred,
            credential_id=credential_id,
            stage=stage,
            authority=authority,
            reference_number=reference_number,
            note=note,
        )

    def decide_credential(
        self,
        credential_id: UUID,
        occurred: Occurred,
        *,
        result: RecognitionResult,
        objection_until: date | None = None,
        authority: str = "",
        reference_number: str = "",
        note: str = "",
    ) -> None:
        """The authority's notice. Raises CredentialNotFound, CredentialDecidedAlready, ObjectionTooEarly or ConsentMissing."""
        if self._credential(credential_id, occurred).decided_by is not None:
            raise CredentialDecidedAlready
        self._record_fact(
            "decide_credential",
            CredentialDecided,
            occurred,
            credential_id=credential_id,
            result=result,
            objection_until=objection_until,
            authority=authority,
            reference_number=reference_number,
            note=note,
        )

    def appeal_credential(
        self, credential_id: UUID, occurred: Occurred, *, ground: str = "", reference_number: str = ""
    ) -> None:
        """An objection or appeal was lodged; the path is open again. Raises CredentialNotFound, NothingToAppeal, ConsentMissing."""
        if self._credential(credential_id, occurred).decided_by is None:
            raise NothingToAppeal
        self._record_fact(
            "appeal_credential",
            CredentialAppealed,
            occurred,
            credential_id=credential_id,
            ground=ground,
            reference_number=reference_number,
        )

    def _credential(self, credential_id: UUID, occurred: Occurred) -> Credential:
        credential = self.credentials.get(credential_id)
        if credential is None:
            raise CredentialNotFound
        self._refuse_before_start(occurred.on)
        return credential
