"""Recognition of credentials: paths opened, steps taken, decided, appealed."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from adapters.http.case_reading import NOT_FOR_MENTORS, read_case_file
from adapters.http.documented import FACT, VERSIONED
from adapters.http.headers import Fact, Recorded, created
from adapters.http.parts import Parts
from adapters.http.reading import MinPosition
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Day, Long, Short, Told
from application.credential_paths import Template, Templates
from application.ids import new_id
from domain.mentorship import Mentorship
from domain.mentorship.credentials import CredentialNotFound
from domain.vocabulary import RecognitionResult
from projections.case_file import CredentialView

type Word = Annotated[str, Field(max_length=80)]


class NewCredentialPath(Told):
    """`template` names one that the organisation keeps; without it and without `stages`, the country's usual one is taken."""

    country: Annotated[str, Field(max_length=3)] = Field(examples=["DEU"])
    profession: Word = Field(examples=["nurse"])
    template: Word = ""
    stages: Annotated[tuple[Word, ...], Field(max_length=100)] = ()
    reference_occupation: Short = ""


class CredentialStep(Told):
    stage: Word = Field(examples=["application"])
    authority: Short = ""
    reference_number: Short = ""
    note: Long = ""


class CredentialDecision(Told):
    """`objection_until` is the last day on which an objection is in time."""

    result: RecognitionResult = Field(examples=["partial"])
    objection_until: Day | None = None
    authority: Short = ""
    reference_number: Short = ""
    note: Long = ""


class CredentialAppeal(Told):
    ground: Long = ""
    reference_number: Short = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    credentials: tuple[CredentialView, ...]


def credential_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/mentorships/{mentorship_id}/credentials", tags=["credentials"], route_class=StrictRoute)

    @router.get("", responses=VERSIONED)
    async def list_credentials(
        mentorship_id: UUID, by: SignedIn, response: Response, min_position: MinPosition = 0
    ) -> Credentials:
        """The credential paths of a case, the oldest first. Not for mentors."""
        found = await read_case_file(
            parts, by, mentorship_id, response, min_position, showing={"credentials"}, hidden_from=NOT_FOR_MENTORS
        )
        return Credentials(found.credentials)

    @router.get("/{credential_id}", responses=VERSIONED)
    async def read_credential(
        mentorship_id: UUID, credential_id: UUID, by: SignedIn, response: Response, min_position: MinPosition = 0
    ) -> CredentialView:
        """One credential path as it stands. Not for mentors."""
        found = await read_case_file(
            parts, by, mentorship_id, response, min_position, showing={"credentials"}, hidden_from=NOT_FOR_MENTORS
        )
        for credential in found.credentials:
            if credential.credential_id == credential_id:
                return credential
        raise CredentialNotFound

    @router.post("", status_code=201, responses=FACT)
    async def open_credential_path(
        mentorship_id: UUID, body: NewCredentialPath, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """Opens a credential path. Stages that are named depart from the template's."""
        template = _template(parts.templates, body)
        credential_id = new_id()
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(credential_id)},
            Mentorship.open_credential_path,
            credential_id,
            by.told(body.occurred_on, body.occurred_at),
            country=body.country,
            profession=body.profession,
            template=template.id if template is not None else "",
            stages=body.stages or (template.stages if template is not None else ()),
            reference_occupation=body.reference_occupation,
        )
        return created(receipt, response, f"/mentorships/{mentorship_id}/credentials/{{id}}", credential_id)

    @router.post("/{credential_id}/steps", status_code=201, responses=FACT)
    async def take_credential_step(
        mentorship_id: UUID,
        credential_id: UUID,
        body: CredentialStep,
        by: SignedIn,
        submission: Fact,
        response: Response,
    ) -> Recorded:
        """Records a step on the path."""
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(credential_id)},
            Mentorship.take_credential_step,
            credential_id,
            by.told(body.occurred_on, body.occurred_at),
            stage=body.stage,
            authority=body.authority,
            reference_number=body.reference_number,
            note=body.note,
        )
        return created(receipt, response, f"/mentorships/{mentorship_id}/credentials/{{id}}", credential_id)

    @router.post("/{credential_id}/decision", status_code=201, responses=FACT)
    async def decide_credential(
        mentorship_id: UUID,
        credential_id: UUID,
        body: CredentialDecision,
        by: SignedIn,
        submission: Fact,
        response: Response,
    ) -> Recorded:
        """Records the authority's notice."""
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(credential_id)},
            Mentorship.decide_credential,
            credential_id,
            by.told(body.occurred_on, body.occurred_at),
            result=body.result,
            objection_until=body.objection_until,
            authority=body.authority,
            reference_number=body.reference_number,
            note=body.note,
        )
        return created(receipt, response, f"/mentorships/{mentorship_id}/credentials/{{id}}", credential_id)

    @router.post("/{credential_id}/appeal", status_code=201, responses=FACT)
    async def appeal_credential(
        mentorship_id: UUID,
        credential_id: UUID,
        body: CredentialAppeal,
        by: SignedIn,
        submission: Fact,
        response: Response,
    ) -> Recorded:
        """Records that an objection or appeal was lodged; the path is open again."""
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(credential_id)},
            Mentorship.appeal_credential,
            credential_id,
            by.told(body.occurred_on, body.occurred_at),
            ground=body.ground,
            reference_number=body.reference_number,
        )
        return created(receipt, response, f"/mentorships/{mentorship_id}/credentials/{{id}}", credential_id)

    return router


def _template(templates: Templates, body: NewCredentialPath) -> Template | None:
    if body.template:
        return templates.named(body.template)
    return None if body.stages else templates.for_country(body.country, body.profession)
