"""All projections of the service, in the order in which they are shown.

To take one out, write a migration that drops its tables and its row in `projections.tracking`.
"""

from projections import (
    appointments,
    cases,
    consent_acts,
    consents,
    credentials,
    goals,
    involvements,
    people,
    reports,
    rights,
    timeline,
)
from projections.projection import Projection

PROJECTIONS: tuple[Projection, ...] = (
    people.PROJECTION,
    cases.PROJECTION,
    consents.PROJECTION,
    goals.PROJECTION,
    appointments.PROJECTION,
    credentials.PROJECTION,
    timeline.PROJECTION,
    consent_acts.PROJECTION,
    reports.PROJECTION,
    involvements.PROJECTION,
    rights.PROJECTION,
)
