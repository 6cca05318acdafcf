"""A telephone number is found in any of its usual spellings, and by its last digits."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, example_number_for_type

from domain.person import Details
from projections.findable import MatchedBy, Question
from projections.phones import region_of


def is_found(typed: str, phone: str, region: str | None = "DE") -> bool:
    details = Details(full_name="Nobody", phone=phone)
    return Question.read(typed, region).matched_by(details, ()) is MatchedBy.PHONE


@pytest.mark.parametrize(
    "written", ["+49 (0)151 5550-123", "0151/5550123", "0049 151 5550123", "+49151 5550123 (mobil)"]
)
@pytest.mark.parametrize(
    "typed",
    [
        "+491515550123",
        "0049 151 5550 123",
        "0151 5550123",
        "0151-5550-123",
        "(0151) 5550123",
        "1515550123",
        "+49 (0)151 5550123",
        "5550123",
        "0123",
        "٠١٥١٥٥٥٠١٢٣",
        "\u202a+49 151 5550123\u202c",
    ],
)
def test_a_number_is_found_however_it_is_written(written: str, typed: str) -> None:
    assert is_found(typed, written)


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("+49 151 5550123", "123"),
        ("+49 151 5550123", "5550"),
        ("+49 151 5550123", "0152 5550123"),
        ("+49 151 5550123", "call 0123"),
        ("", "0123"),
    ],
)
def test_another_number_or_too_few_digits_find_nobody(written: str, typed: str) -> None:
    assert not is_found(typed, written)


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("+7 916 123-45-67", "8 (916) 123-45-67"),
        ("+380 67 123 45 67", "067 123 45 67"),
        ("+43 664 1234567", "0664 1234567"),
        ("0151 5550123 or 030 1234567", "+49 30 1234567"),
        ("0151 5550123 or 030 1234567", "0151 5550123"),
        ("ask for extension 4711 99", "471199"),
        ("+49 151 5550123 ext. 7", "01515550123"),
    ],
)
def test_foreign_national_forms_two_numbers_and_what_is_none_are_found(written: str, typed: str) -> None:
    assert is_found(typed, written)


def test_without_a_region_the_digits_are_compared_as_written() -> None:
    assert is_found("0151 5550123", "0151 555 0123", region=None)
    assert is_found("+49 151 5550123", "+491515550123", region=None)


@pytest.mark.parametrize(
    ("zone", "region"),
    [("Europe/Berlin", "DE"), ("Europe/London", "GB"), ("America/Toronto", "CA"), ("Europe/Kyiv", "UA"), ("UTC", None)],
)
def test_an_organisation_is_where_its_time_zone_is(zone: str, region: str | None) -> None:
    assert region_of(zone) == region


@given(
    st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)),
    st.sampled_from((phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)),
    st.sampled_from(("DE", "UA", "US", None)),
    st.booleans(),
)
def test_every_countrys_numbers_are_found_by_each_form_and_by_their_end(
    country: str, kind: int, region: str | None, stored_nationally: bool
) -> None:
    number = example_number_for_type(country, kind)
    if number is None:
        return
    international, national, e164 = (
        phonenumbers.format_number(number, form)
        for form in (PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL, PhoneNumberFormat.E164)
    )
    # Written without its country's code a number is one of the organisation's own country.
    here = stored_nationally and region == country
    written = national if here else international
    for typed in (international, e164, e164[1:], *([national] if region == country or not here else [])):
        assert is_found(typed, written, region), (typed, written)
    for length in range(4, len(e164)):
        assert is_found(e164[-length:], written, region), length
