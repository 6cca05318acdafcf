"""The API: every subject's routes under /api/v1."""

from fastapi import APIRouter

from adapters.http.accesses import access_routes
from adapters.http.appointments import appointment_routes
from adapters.http.consent_trail import consent_trail_routes
from adapters.http.consents import consent_routes
from adapters.http.copies import copy_routes
from adapters.http.corrections import correction_routes
from adapters.http.credentials import credential_routes
from adapters.http.dashboard import dashboard_routes
from adapters.http.evidence import evidence_routes
from adapters.http.goals import goal_routes
from adapters.http.mentorships import mentorship_routes
from adapters.http.outcomes import outcome_routes
from adapters.http.overrides import override_routes
from adapters.http.parts import Parts
from adapters.http.people import people_routes
from adapters.http.reports import report_routes
from adapters.http.rights import rights_routes
from adapters.http.search import search_routes
from adapters.http.sessions import session_routes
from adapters.http.timeline import timeline_routes

SUBJECTS = (
    people_routes,
    rights_routes,
    copy_routes,
    mentorship_routes,
    consent_routes,
    override_routes,
    goal_routes,
    session_routes,
    appointment_routes,
    credential_routes,
    outcome_routes,
    correction_routes,
    timeline_routes,
    consent_trail_routes,
    access_routes,
    evidence_routes,
    dashboard_routes,
    search_routes,
    report_routes,
)


def api_routes(parts: Parts) -> list[APIRouter]:
    """A router for each subject, in the order of the document."""
    return [subject(parts) for subject in SUBJECTS]
