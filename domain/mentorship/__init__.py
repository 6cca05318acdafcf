"""The record of one mentorship: an event-sourced aggregate, one file for each part that it keeps."""

from domain.mentorship.corrections import CorrectionPart
from domain.mentorship.lifecycle import LifecyclePart, MentorshipStarted
from domain.mentorship.part import MentorshipEvent


class Mentorship(LifecyclePart, CorrectionPart):
    """One mentorship between a trainee and a mentor, answered for by a caseworker."""

    TOPIC = "mentorship"
    Event = MentorshipEvent  # type: ignore[assignment]  # the library declares a class of its own here
    Created = MentorshipStarted  # type: ignore[assignment]  # it is one; the library declares its own class here

    def _begin(self) -> None:
        self.resting = {}
        self.overrides = []
        self.decisions = {}
        self.sessions = {}
        self.goals = {}
        self.appointments = {}
        self.credentials = {}
        self.outcomes = {}
        self.retracted = set()


__all__ = ["Mentorship", "MentorshipEvent"]
