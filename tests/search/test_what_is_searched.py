"""What a person is found by, and what nobody is ever found by."""

import hmac
from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from adapters.search.blinding import BITS, FILLED_UP_TO, Blinder, bits_for
from application.ids import new_id
from domain.events import TOPICS
from domain.mentorship.lifecycle import MentorshipStarted
from domain.person import Details, LanguageSkill, Person
from domain.personal import personal_fields
from domain.vocabulary import CefrLevel, Gender, PersonRole
from projections.findable import SEARCHED, MatchedBy, Question, terms
from tests.domain.scenario import MENTORING_CONSENTED, case_of, history
from tests.search.place import TOLD

DECLARED = {
    ("person-registered", "full_name"),
    ("person-registered", "phone"),
    ("person-registered", "reference"),
    ("person-details-corrected", "full_name"),
    ("person-details-corrected", "phone"),
    ("person-details-corrected", "reference"),
    ("mentorship-started", "reference"),
}
SPOKEN = Details(full_name="Parwana Rahimi", phone="+49 151 5550123", reference="T-0815")
SECRET = b"a secret of thirty-two bytes ..."
ORGANISATION, NEIGHBOUR = UUID(int=1), UUID(int=2)


def registered(details: Details) -> set[tuple[MatchedBy, str]]:
    [event] = Person.register(new_id(), role=PersonRole.TRAINEE, details=details, told=TOLD).pending_events
    return terms(event, "DE")  # type: ignore[arg-type]  # the library's list is of its own events


def test_exactly_the_declared_fields_are_searched() -> None:
    assert {(topic, field) for topic, fields in SEARCHED.items() for field in fields} == DECLARED
    for topic, field in DECLARED:
        assert field in personal_fields(TOPICS[topic]), f"{topic} has no personal field {field}"


@pytest.mark.parametrize(
    "other",
    [
        {"note": "Diabetes, asylum hearing on Monday, incident at the shelter"},
        {"email": "parwana@example.org"},
        {"born_on": date(1994, 6, 21)},
        {"gender": Gender.FEMALE},
        {"origin_country": "AFG"},
        {"occupation_isco": "2221"},
        {"languages": (LanguageSkill("fa-AF", CefrLevel.C2),)},
        {"care_duties": True},
    ],
)
def test_no_other_field_leaves_anything_in_the_index(other: dict[str, object]) -> None:
    assert registered(replace(SPOKEN, **other)) == registered(SPOKEN)  # type: ignore[arg-type]  # one field of each type


def test_a_case_is_found_by_its_own_number_alone() -> None:
    case = case_of(MENTORING_CONSENTED)
    [started] = [event for event in history(case) if isinstance(event, MentorshipStarted)]
    found = terms(replace(started, reference="MS-0042"), "DE")
    assert {by for by, _ in found} == {MatchedBy.CASE_REFERENCE}
    assert (MatchedBy.CASE_REFERENCE, "ms0042") in found


def test_the_same_term_has_another_bucket_in_each_field_and_in_each_organisation() -> None:
    blinder = Blinder(lambda organisation_id: SECRET[:16] + organisation_id.bytes)
    term = "parwana"

    def blinded(organisation_id: UUID, by: MatchedBy) -> str:
        return blinder._lexeme(organisation_id, by, term.encode(), 16)

    found = {blinded(organisation_id, by) for organisation_id in (ORGANISATION, NEIGHBOUR) for by in MatchedBy}
    assert len(found) == 2 * len(MatchedBy)
    assert blinded(ORGANISATION, MatchedBy.NAME) == blinded(ORGANISATION, MatchedBy.NAME)


def test_a_bucket_is_what_the_documentation_says_it_is() -> None:
    """Computed by the standard library alone, after docs/search.md: a change here makes every index that there is unreadable."""

    def hkdf(info: bytes, length: int) -> bytes:
        extracted = hmac.digest(bytes(64), SECRET, "sha512")
        return hmac.digest(extracted, info + b"\x01", "sha512")[:length]

    def base36(number: int) -> str:
        return (base36(number // 36) if number >= 36 else "") + "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36]

    organisation = base36(int.from_bytes(hkdf(b"accompany search organisation 1", 8)) % 36**5).rjust(5, "0")
    key = hkdf(b"\0\0\0\x18accompany search terms 1\0\0\0\x04name", 32)
    blinder = Blinder(lambda organisation_id: SECRET)
    for bits in BITS:
        bucket = int.from_bytes(hmac.digest(key, b"par", "sha256")) >> (256 - bits)
        found = blinder.lexemes(ORGANISATION, UUID(int=7), [(MatchedBy.NAME, "par")], bits)
        assert organisation + base36(2**bits + bucket) in found
        assert len(found) == FILLED_UP_TO


def test_whoever_was_indexed_while_the_organisation_was_smaller_is_asked_for_too() -> None:
    blinder = Blinder(lambda organisation_id: SECRET)
    query = blinder.query(ORGANISATION, Question.read("parwana", "DE"))
    for bits in BITS:
        rows = blinder.lexemes(ORGANISATION, UUID(int=7), [(MatchedBy.NAME, "parwana")], bits)
        assert set(rows) & set(query.replace("(", " ").replace(")", " ").split()), bits


def test_what_is_asked_holds_nothing_of_what_was_typed() -> None:
    blinder = Blinder(lambda organisation_id: SECRET)
    query = blinder.query(ORGANISATION, Question.read("Parwana 0151 5550123 T-0815' & | ! ( \\ \x00", "DE"))
    assert set(query) <= set("0123456789abcdefghijklmnopqrstuvwxyz &|()")
    for part in ("parwana", "5550123", "0815"):
        assert part not in query


@pytest.mark.parametrize(
    ("people", "bits"),
    [(0, 8), (250, 8), (251, 10), (1_000, 10), (16_000, 14), (64_000, 16), (64_001, 18), (10**6, 18)],
)
def test_the_larger_an_organisation_the_more_buckets_it_has(people: int, bits: int) -> None:
    assert bits_for(people) == bits
    assert bits in BITS


def test_a_very_long_name_in_a_small_organisation_is_still_indexed() -> None:
    blinder = Blinder(lambda organisation_id: SECRET)
    letters = [(MatchedBy.NAME, f"term{number}") for number in range(5_000)]
    assert 200 < len(blinder.lexemes(ORGANISATION, UUID(int=7), letters, 8)) <= 256
    assert blinder.lexemes(ORGANISATION, UUID(int=7), [], 8) == []
    assert len(blinder.lexemes(ORGANISATION, UUID(int=7), letters[:3], 8)) == FILLED_UP_TO
