"""All projections of the service, in the order in which they are shown."""

from projections import appointments, cases, consent_trail, consents, credentials, goals, people, timeline
from projections.projection import Projection

PROJECTIONS: tuple[Projection, ...] = (
    people.PROJECTION,
    cases.PROJECTION,
    consents.PROJECTION,
    goals.PROJECTION,
    appointments.PROJECTION,
    credentials.PROJECTION,
    timeline.PROJECTION,
    consent_trail.PROJECTION,
)
