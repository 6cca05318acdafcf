"""Recognition of a credential, step by step."""

from typing import Any

import pytest

from domain.errors import Refusal
from domain.mentorship.credentials import (
    CountryCodeMalformed,
    CredentialAppealed,
    CredentialDecided,
    CredentialDecidedAlready,
    CredentialNotFound,
    CredentialPathOpened,
    CredentialStepTaken,
    NothingToAppeal,
    ObjectionTooEarly,
    StageMissing,
)
from domain.mentorship.part import AlreadyOnRecord, BeforeStart
from domain.occurred import Occurred
from domain.text import CodeMalformed, TooLong
from domain.vocabulary import Purpose, RecognitionResult
from tests.domain.scenario import (
    CLOSED,
    CREDENTIAL,
    CREDENTIAL_DECIDED,
    PATH_OPENED,
    RECOGNITION_CONSENTED,
    Step,
    an,
    consented,
    credential_decided,
    given,
    on,
    path_opened,
)

OPEN = (RECOGNITION_CONSENTED, PATH_OPENED)


def step_taken(occurred: Occurred, **told: Any) -> Step:
    return lambda case: case.take_credential_step(CREDENTIAL, occurred, **{"stage": "receipt", **told})


def appealed(occurred: Occurred, **told: Any) -> Step:
    return lambda case: case.appeal_credential(CREDENTIAL, occurred, **told)


def test_a_path_keeps_the_stages_of_its_template() -> None:
    told: dict[str, Any] = {
        "country": "DEU",
        "profession": "nurse",
        "template": "deu-regulated",
        "stages": ("counselling", "papers-collected", "decision"),
        "reference_occupation": "Pflegefachfrau",
    }
    given(RECOGNITION_CONSENTED).when(path_opened(on(3), **told)).then(an(CredentialPathOpened, **told))


def test_steps_are_taken_also_beside_the_template() -> None:
    told = {"stage": "second-opinion", "authority": "IHK FOSA", "reference_number": "AZ-1", "note": "By post"}
    given(*OPEN).when(step_taken(on(9), **told)).then(an(CredentialStepTaken, credential_id=CREDENTIAL, **told))


@pytest.mark.parametrize("country", ["DE", "deu", "DEUT", "D1E", "ÄÖÜ", ""])
def test_a_country_is_named_by_three_capital_letters(country: str) -> None:
    given(RECOGNITION_CONSENTED).when(path_opened(on(3), country=country)).then_refused(CountryCodeMalformed, "country")


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"profession": "Parwana Rahimi"}, "profession"),
        ({"template": "deu--regulated"}, "template"),
        ({"stages": ("counselling", "Papers")}, "stages"),
        ({"profession": "x" * 81}, "profession"),
        ({"profession": "pflege-für-alte"}, "profession"),
    ],
)
def test_what_stands_in_plain_text_is_a_code_and_no_place_for_a_name(told: dict[str, Any], field: str) -> None:
    given(RECOGNITION_CONSENTED).when(path_opened(on(3), **told)).then_refused(CodeMalformed, field)


@pytest.mark.parametrize(
    ("told", "refusal", "field"),
    [
        ({"stage": " "}, StageMissing, "stage"),
        ({"stage": "asked Ms Rahimi"}, CodeMalformed, "stage"),
        ({"authority": "x" * 501}, TooLong, "authority"),
        ({"note": "x" * 10_001}, TooLong, "note"),
    ],
)
def test_a_step_that_can_not_be_kept_is_refused(told: dict[str, Any], refusal: type[Refusal], field: str) -> None:
    given(*OPEN).when(step_taken(on(9), **told)).then_refused(refusal, field)


def test_more_than_a_hundred_stages_are_no_path() -> None:
    given(RECOGNITION_CONSENTED).when(path_opened(on(3), stages=("step",) * 101)).then_refused(TooLong, "stages")


def test_a_decision_names_the_last_day_for_an_objection() -> None:
    told = {"result": RecognitionResult.PARTIAL, "objection_until": on(70).on, "authority": "IHK FOSA"}
    given(*OPEN).when(credential_decided(on(40), **told)).then(an(CredentialDecided, **told))
    too_early = credential_decided(on(40), objection_until=on(39).on)
    given(*OPEN).when(too_early).then_refused(ObjectionTooEarly, "objection_until")


def test_a_path_is_decided_again_only_after_an_appeal() -> None:
    given(*OPEN, CREDENTIAL_DECIDED).when(credential_decided(on(50))).then_refused(CredentialDecidedAlready)
    given(*OPEN, CREDENTIAL_DECIDED).when(appealed(on(45), ground="Practice was left out")).then(
        an(CredentialAppealed, ground="Practice was left out")
    )
    given(*OPEN, CREDENTIAL_DECIDED, appealed(on(45))).when(credential_decided(on(50))).then(CredentialDecided)


def test_without_a_decision_there_is_nothing_to_appeal_against() -> None:
    given(*OPEN).when(appealed(on(45))).then_refused(NothingToAppeal)
    given(*OPEN, CREDENTIAL_DECIDED, appealed(on(45))).when(appealed(on(46))).then_refused(NothingToAppeal)


@pytest.mark.parametrize("step", [step_taken(on(9)), credential_decided(on(9)), appealed(on(9))])
def test_a_path_that_was_never_opened_is_not_found(step: Step) -> None:
    given(RECOGNITION_CONSENTED).when(step).then_refused(CredentialNotFound)


def test_a_path_is_opened_once() -> None:
    given(*OPEN).when(path_opened(on(4))).then_refused(AlreadyOnRecord)


def test_authorities_are_slow_and_steps_are_taken_after_the_close() -> None:
    given(*OPEN, CLOSED).when(step_taken(on(200))).then(CredentialStepTaken)


def test_no_step_lies_before_the_start_of_the_mentorship() -> None:
    early = consented(Purpose.CREDENTIAL_RECOGNITION, on(-9))
    given(early).when(path_opened(on(-1))).then_refused(BeforeStart, "occurred_on")
    given(early, PATH_OPENED).when(step_taken(on(-1))).then_refused(BeforeStart, "occurred_on")
