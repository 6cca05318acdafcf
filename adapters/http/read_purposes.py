"""What each address shows people's data for. One registry: what opens personal data at an address that is not in it shows nothing.

Under a purpose, a mentorship's data are shown on the trainee's consent to it. The others rest on another legal basis, and say why.
What is written down is what a read relies on; where no consent stood, the access log says so.
"""

from collections.abc import Mapping

from adapters.http.headers import API
from domain.purposes import OtherBasis
from domain.vocabulary import LegalBasis, Purpose

type ReadBasis = Purpose | OtherBasis

TAKING_PART = OtherBasis(
    LegalBasis.CONTRACT, "the person asked to take part; those who work with them must know who they are"
)
OVERSIGHT = OtherBasis(
    LegalBasis.LEGAL_OBLIGATION, "whether there was a consent must be shown to whoever supervises it"
)
OWN_DATA = OtherBasis(LegalBasis.LEGAL_OBLIGATION, "a person's right to see their own data")
CONSENT_ITSELF = OtherBasis(LegalBasis.LEGAL_OBLIGATION, "what a person decided about their data must be found again")

RIGHTS = OtherBasis(LegalBasis.LEGAL_OBLIGATION, "whoever answers for a person's rights must see how they stand")

_CASE_IN_API = f"{API}/mentorships/{{mentorship_id}}"
_CASE = "/cases/{mentorship_id}"

BASIS_OF_READ: Mapping[str, ReadBasis] = {
    # API
    f"{API}/people": TAKING_PART,
    f"{API}/people/{{person_id}}": TAKING_PART,
    f"{API}/people/{{person_id}}/rights": RIGHTS,
    f"{API}/rights": RIGHTS,
    f"{API}/retention": RIGHTS,
    f"{API}/people/{{person_id}}/copies": RIGHTS,
    f"{API}/search": TAKING_PART,
    f"{API}/mentorships": Purpose.MENTORING,
    _CASE_IN_API: Purpose.MENTORING,
    f"{_CASE_IN_API}/consents": CONSENT_ITSELF,
    f"{_CASE_IN_API}/goals": Purpose.MENTORING,
    f"{_CASE_IN_API}/goals/{{goal_id}}": Purpose.MENTORING,
    f"{_CASE_IN_API}/sessions": Purpose.MENTORING,
    f"{_CASE_IN_API}/appointments": Purpose.MENTORING,
    f"{_CASE_IN_API}/appointments/{{appointment_id}}": Purpose.MENTORING,
    f"{_CASE_IN_API}/credentials": Purpose.CREDENTIAL_RECOGNITION,
    f"{_CASE_IN_API}/credentials/{{credential_id}}": Purpose.CREDENTIAL_RECOGNITION,
    f"{_CASE_IN_API}/outcomes": Purpose.MENTORING,
    f"{_CASE_IN_API}/timeline": Purpose.MENTORING,
    f"{_CASE_IN_API}/timeline/{{version}}": Purpose.MENTORING,
    f"{_CASE_IN_API}/consent-trail": OVERSIGHT,
    f"{API}/consent-trail": OVERSIGHT,
    f"{API}/evidence/{{request_id}}/bundle": OVERSIGHT,
    f"{API}/dashboard": Purpose.MENTORING,
    f"{API}/people/{{person_id}}/accesses": OVERSIGHT,
    f"{API}/accesses": OVERSIGHT,
    # Pages
    "/search": TAKING_PART,
    "/rights": RIGHTS,
    "/people/{person_id}/rights": RIGHTS,
    "/my/copies": RIGHTS,
    "/my/erasure": RIGHTS,
    "/dashboard": Purpose.MENTORING,
    "/dashboard/{which}": Purpose.MENTORING,
    _CASE: Purpose.MENTORING,
    f"{_CASE}/appointments": Purpose.MENTORING,
    f"{_CASE}/appointments/{{appointment_id}}/accompaniment": Purpose.MENTORING,
    f"{_CASE}/consents": CONSENT_ITSELF,
    f"{_CASE}/consents/{{purpose}}": CONSENT_ITSELF,
    f"{_CASE}/consents/{{purpose}}/override": CONSENT_ITSELF,
    f"{_CASE}/overrides/{{version}}/review": OVERSIGHT,
    f"{_CASE}/sessions": Purpose.MENTORING,
    "/consent-trail": OVERSIGHT,
    "/consent-trail/{mentorship_id}": OVERSIGHT,
    "/consent-trail/{mentorship_id}/verification": OVERSIGHT,
    "/consent-trail/{mentorship_id}/evidence": OVERSIGHT,
    "/consent-trail/{mentorship_id}/evidence/{request_id}": OVERSIGHT,
    "/evidence/{request_id}/bundle": OVERSIGHT,
    "/my": Purpose.MENTORING,
    "/my/accesses": OWN_DATA,
}

NOTHING_PERSONAL = frozenset(
    {
        f"{API}/openapi.json",
        f"{API}/reports/summary",
        "/log/{log}/checkpoint",
        "/log/{log}/tile/{tile:path}",
        "/health/live",
        "/health/ready",
        "/",
        "/sign-in/{link}",
        "/static/{name}",
        "/summary",
        "/reports",
        "/reports/{report_id}",
        "/reports/{report_id}/{file}",
        "/system",
    }
)
"""The addresses that show no person. Whatever is in neither list fails a test."""


def relied_on(read: str, *, own: bool, of_trainee: bool) -> ReadBasis:
    """What showing somebody's data at this address rests on. KeyError for an address that is not registered.

    `own`: they are the caller's; `of_trainee`: they are those of a mentorship's trainee, whose consent there is. A mentor, or
    somebody who is shown apart from any mentorship, asked to take part.
    """
    basis = BASIS_OF_READ[read]
    if own:
        return OWN_DATA
    return TAKING_PART if isinstance(basis, Purpose) and not of_trainee else basis
