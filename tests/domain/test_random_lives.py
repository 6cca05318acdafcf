"""A mentorship driven through random commands does what a plain notebook says, and its history rebuilds it."""

from collections.abc import Callable
from itertools import product
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.errors import Refusal
from domain.mentorship import Mentorship
from domain.mentorship.consent import ConsentMissing, Scope
from domain.mentorship.corrections import EntryCorrected, as_it_stands
from domain.mentorship.part import MentorshipEvent
from domain.occurred import Occurred
from domain.vocabulary import (
    AppointmentOutcome,
    AppointmentType,
    ConsentState,
    EndReason,
    GoalKind,
    Medium,
    OutcomeStatus,
    OverrideReason,
    Purpose,
    RecognitionResult,
)
from tests.domain.model import PERMITTING, Notebook, When
from tests.domain.replay import parts, replayed, stored_and_opened
from tests.domain.scenario import (
    CASEWORKER,
    FIRST_DAY,
    MENTOR,
    OTHER_MENTOR,
    at,
    case_of,
    history,
    on,
)

MENTORING, ACCOMPANIMENT, RECOGNITION = "mentoring", "accompaniment", "credential-recognition"
TODAY = 30
MEMBERS = {"one": UUID(int=11), "other": UUID(int=12)}
MENTORS = {"first": MENTOR, "other": OTHER_MENTOR}

# Few days, hours and ids, so that things meet.
HOURS = (None, 8, 12, 16)
days = some.integers(-1, 6)
whens = some.tuples(days, some.sampled_from(HOURS))
perhaps_days = some.none() | days
purposes = some.sampled_from([MENTORING, MENTORING, ACCOMPANIMENT, RECOGNITION])
ids = some.integers(1, 3)


def occurred(when: When) -> Occurred:
    return on(when[0]) if when[1] is None else at(when[0], when[1])


def day_of(day: int | None) -> Any:
    return None if day is None else on(day).on


class RandomLives(RuleBasedStateMachine):
    case: Mentorship
    notebook: Notebook

    @initialize()
    def start(self) -> None:
        self.case, self.notebook = case_of(), Notebook()

    def attempt(self, run: Callable[[], None], broken: set[str], tell: Callable[[], None]) -> None:
        """The command is refused for one of the rules it breaks, or recorded as one event where it breaks none."""
        try:
            run()
        except Refusal as refusal:
            assert refusal.code in broken, (refusal.code, broken)  # noqa: PT017 - which refusal depends on the random life
        else:
            assert not broken
            tell()
            event = history(self.case)[-1]
            if event.PURPOSE:
                day = (event.occurred_on - FIRST_DAY).days
                assert event.mentor_id == MENTORS[self.notebook.mentor_on(day)].id
            self.notebook.version += 1
        assert self.case.version == self.notebook.version

    def entry(self, kind: str, day: int, **more: Any) -> None:
        """`of` is the entry that it is about, `session` the one of the session that it names."""
        kept = {"kind": kind, "day": day, "target": None, "of": None, "session": None, "purpose": MENTORING, **more}
        self.notebook.entries[self.notebook.version + 1] = kept

    @rule(
        purpose=purposes,
        state=some.sampled_from([*ConsentState, ConsentState.GIVEN, ConsentState.GIVEN, ConsentState.RENEWED]),
        when=whens,
        since=some.none() | days,
        until=some.none() | days,
    )
    def decide(self, purpose: str, state: ConsentState, when: When, since: int | None, until: int | None) -> None:
        book = self.notebook
        self.attempt(
            lambda: self.case.decide_consent(
                state, Scope(Purpose(purpose)), occurred(when), valid_from=day_of(since), valid_until=day_of(until)
            ),
            book.broken_by_decision(purpose, state.value, when, since, until),
            lambda: book.decided(purpose, state.value, when, since, until),
        )

    @rule(day=days)
    def everything_is_consented_to(self, day: int) -> None:
        for purpose in (MENTORING, ACCOMPANIMENT, RECOGNITION):
            self.decide_given(purpose, (day, None))

    def decide_given(self, purpose: str, when: When) -> None:
        self.attempt(
            lambda: self.case.decide_consent(ConsentState.GIVEN, Scope(Purpose(purpose)), occurred(when)),
            set(),
            lambda: self.notebook.decided(purpose, "given", when, None, None),
        )

    @rule(purpose=purposes, day=days, hour=some.sampled_from([8, 12, 16]), hours=some.sampled_from([0, 4, 24, 72, 73]))
    def override(self, purpose: str, day: int, hour: int, hours: int) -> None:
        book = self.notebook
        end_day, end_hour = divmod(day * 24 + hour + hours, 24)
        kept = {"purpose": purpose, "since": (day, hour), "until": (end_day, end_hour), "by": "one", "upheld": None}
        self.attempt(
            lambda: self.case.override_consent(
                at(day, hour),
                purpose=Purpose(purpose),
                reason=OverrideReason.MISSING,
                until=at(end_day, end_hour),
                overridden_by=MEMBERS["one"],
                explanation="x",
            ),
            book.broken_by_override(day, hours),
            lambda: book.overrides.append({**kept, "version": book.version + 1}),
        )

    @rule(override=some.integers(0, 3), when=whens, upheld=some.booleans(), by=some.sampled_from(["one", "other"]))
    def review(self, override: int, when: When, upheld: bool, by: str) -> None:
        book = self.notebook
        version = book.overrides[override]["version"] if override < len(book.overrides) else 1
        self.attempt(
            lambda: self.case.review_override(
                version, occurred(when), upheld=upheld, reviewed_by=MEMBERS[by], explanation="x"
            ),
            book.broken_by_review(version, by),
            lambda: book.overrides[override].update(upheld=upheld),
        )

    @rule(session=ids, when=whens, minutes=some.sampled_from([0, 1, 60]))
    def hold(self, session: int, when: When, minutes: int) -> None:
        book = self.notebook
        broken = book.outside(when[0]) | book.without_consent(MENTORING, when)
        broken |= {"already-on-record"} if session in book.sessions else set()
        broken |= {"minutes-out-of-range"} if not minutes else set()

        def tell() -> None:
            book.sessions[session] = book.version + 1
            self.entry("session", when[0])

        self.attempt(
            lambda: self.case.hold_session(UUID(int=session), occurred(when), minutes=minutes, medium=Medium.PHONE),
            broken,
            tell,
        )

    @rule(goal=ids, when=whens, until=perhaps_days)
    def set_goal(self, goal: int, when: When, until: int | None) -> None:
        book, target = self.notebook, until
        broken = book.outside(when[0]) | book.without_consent(MENTORING, when)
        broken |= {"already-on-record"} if goal in book.goals else set()
        broken |= {"target-before-goal"} if target is not None and target < when[0] else set()

        def tell() -> None:
            book.goals[goal] = {"by": book.version + 1, "set": when[0], "revised": False, "end": None}
            self.entry("goal", when[0], target=target)

        self.attempt(
            lambda: self.case.set_goal(
                UUID(int=goal), occurred(when), kind=GoalKind.SKILLS, description="x", target_on=day_of(target)
            ),
            broken,
            tell,
        )

    @rule(goal=ids, when=whens, session=some.none() | ids)
    def revise_goal(self, goal: int, when: When, session: int | None) -> None:
        book = self.notebook
        broken = book.broken_by_goal(goal, when[0]) | book.without_consent(MENTORING, when)
        broken |= {"session-not-found"} if session is not None and session not in book.sessions else set()

        def tell() -> None:
            book.goals[goal]["revised"] = True
            self.entry("revision", when[0], of=book.goals[goal]["by"], session=book.sessions.get(session or 0))

        self.attempt(
            lambda: self.case.revise_goal(
                UUID(int=goal), occurred(when), description="y", session_id=UUID(int=session) if session else None
            ),
            broken,
            tell,
        )

    @rule(goal=ids, when=whens, reached=some.booleans())
    def end_goal(self, goal: int, when: When, reached: bool) -> None:
        book = self.notebook
        command = self.case.reach_goal if reached else self.case.drop_goal

        def tell() -> None:
            book.goals[goal]["end"] = book.version + 1
            self.entry("end", when[0], of=book.goals[goal]["by"])

        self.attempt(
            lambda: command(UUID(int=goal), occurred(when)),
            book.broken_by_goal(goal, when[0]) | book.without_consent(MENTORING, when),
            tell,
        )

    @rule(appointment=ids, when=whens, day=days)
    def book(self, appointment: int, when: When, day: int) -> None:
        book = self.notebook
        broken = book.outside(day) | book.without_consent(MENTORING, when)
        broken |= {"already-on-record"} if appointment in book.appointments else set()
        broken |= {"before-start"} if when[0] < 0 else set()

        def tell() -> None:
            kept = {"day": day, "cancelled": False, "concluded": None, "step": False, "deadline": None, "done": False}
            book.appointments[appointment] = {"by": book.version + 1, **kept}
            self.entry("booking", when[0])

        self.attempt(
            lambda: self.case.book_appointment(
                UUID(int=appointment), occurred(when), type=AppointmentType.BANK, starts=at(day, 9)
            ),
            broken,
            tell,
        )

    @rule(appointment=ids, when=whens, day=days)
    def move(self, appointment: int, when: When, day: int) -> None:
        book = self.notebook
        self.attempt(
            lambda: self.case.move_appointment(UUID(int=appointment), occurred(when), starts=at(day, 9)),
            book.broken_by_change(appointment, when) | book.outside(day),
            lambda: book.appointments[appointment].update(day=day),
        )

    @rule(appointment=ids, when=whens)
    def cancel(self, appointment: int, when: When) -> None:
        book = self.notebook
        self.attempt(
            lambda: self.case.cancel_appointment(UUID(int=appointment), occurred(when)),
            book.broken_by_change(appointment, when),
            lambda: book.appointments[appointment].update(cancelled=True),
        )

    @rule(
        appointment=ids,
        when=whens,
        how=some.sampled_from(["missed", "alone", "accompanied", "accompanied"]),
        step=some.booleans(),
        deadline=perhaps_days,
    )
    def conclude(self, appointment: int, when: When, how: str, step: bool, deadline: int | None) -> None:
        book = self.notebook
        broken = book.broken_by_conclusion(appointment, when[0], deadline)
        purpose = ACCOMPANIMENT if how == "accompanied" else MENTORING
        broken |= book.without_consent(purpose, when)
        came_of_it: dict[str, Any] = {"next_step": "Call" if step else "", "deadline": day_of(deadline)}

        def run() -> None:
            appointment_id, told = UUID(int=appointment), occurred(when)
            if how == "missed":
                self.case.miss_appointment(appointment_id, told, **came_of_it)
            elif how == "alone":
                outcome = AppointmentOutcome.GRANTED
                self.case.conclude_appointment(appointment_id, told, outcome=outcome, **came_of_it)
            else:
                outcome = AppointmentOutcome.REFUSED
                self.case.record_accompaniment(
                    appointment_id, told, companion_id=CASEWORKER, outcome=outcome, **came_of_it
                )

        def tell() -> None:
            came = {"concluded": book.version + 1, "step": step, "deadline": deadline, "done": False}
            book.appointments[appointment].update(came)
            self.entry("conclusion", when[0], target=deadline, of=book.appointments[appointment]["by"], purpose=purpose)

        self.attempt(run, broken, tell)

    @rule(appointment=ids, when=whens)
    def do_next_step(self, appointment: int, when: When) -> None:
        book = self.notebook
        broken = book.without_consent(MENTORING, when)
        if appointment not in book.appointments:
            broken |= {"appointment-not-found"}
        else:
            broken |= set() if book.step_open(appointment) else {"no-next-step"}
            broken |= {"before-appointment"} if when[0] < book.appointments[appointment]["day"] else set()
        self.attempt(
            lambda: self.case.complete_next_step(UUID(int=appointment), occurred(when)),
            broken,
            lambda: book.appointments[appointment].update(done=True),
        )

    @rule(path=ids, when=whens)
    def open_path(self, path: int, when: When) -> None:
        book = self.notebook
        broken = book.without_consent(RECOGNITION, when) | ({"before-start"} if when[0] < 0 else set())
        broken |= {"already-on-record"} if path in book.paths else set()

        def tell() -> None:
            book.paths[path] = {"by": book.version + 1, "decided": None}
            self.entry("path", when[0])

        self.attempt(
            lambda: self.case.open_credential_path(UUID(int=path), occurred(when), country="DEU", profession="nurse"),
            broken,
            tell,
        )

    @rule(path=ids, when=whens, act=some.sampled_from(["step", "decide", "decide", "appeal"]))
    def go_on_a_path(self, path: int, when: When, act: str) -> None:
        book = self.notebook
        broken = book.without_consent(RECOGNITION, when) | ({"before-start"} if when[0] < 0 else set())
        if path not in book.paths:
            broken |= {"credential-not-found"}
        elif act == "decide" and book.paths[path]["decided"]:
            broken |= {"credential-decided-already"}
        elif act == "appeal" and not book.paths[path]["decided"]:
            broken |= {"nothing-to-appeal"}

        def run() -> None:
            path_id, told = UUID(int=path), occurred(when)
            if act == "step":
                self.case.take_credential_step(path_id, told, stage="receipt")
            elif act == "decide":
                self.case.decide_credential(path_id, told, result=RecognitionResult.FULL)
            else:
                self.case.appeal_credential(path_id, told)

        def tell() -> None:
            if act == "decide":
                book.paths[path]["decided"] = book.version + 1
                self.entry("decision", when[0], of=book.paths[path]["by"])
            elif act == "appeal":
                book.paths[path]["decided"] = None
            else:
                self.entry("step", when[0], of=book.paths[path]["by"])

        self.attempt(run, broken, tell)

    @rule(outcome=ids, when=whens)
    def find(self, outcome: int, when: When) -> None:
        book = self.notebook
        broken = book.without_consent(MENTORING, when) | ({"before-start"} if when[0] < 0 else set())
        broken |= {"already-on-record"} if outcome in book.outcomes else set()

        def tell() -> None:
            book.outcomes[outcome] = book.version + 1
            self.entry("outcome", when[0])

        self.attempt(
            lambda: self.case.find_outcome(UUID(int=outcome), occurred(when), status=OutcomeStatus.UNKNOWN),
            broken,
            tell,
        )

    @rule(day=days)
    def pause(self, day: int) -> None:
        book = self.notebook
        broken = book.shut() | book.outside(day) | ({"already-paused"} if book.paused is not None else set())
        self.attempt(lambda: self.case.pause(on(day)), broken, lambda: setattr(book, "paused", day))

    @rule(day=days)
    def resume(self, day: int) -> None:
        book = self.notebook
        broken = book.shut() | book.outside(day)
        broken |= {"not-paused"} if book.paused is None else set()
        broken |= {"resumed-before-pause"} if book.paused is not None and day < book.paused else set()
        self.attempt(lambda: self.case.resume(on(day)), broken, lambda: setattr(book, "paused", None))

    @rule(day=days, to=some.sampled_from(["first", "other"]))
    def hand_over(self, day: int, to: str) -> None:
        book = self.notebook
        broken = book.shut() | book.outside(day)
        broken |= {"nothing-handed-over"} if book.mentors[-1][1] == to else set()
        broken |= {"handover-out-of-order"} if day < book.mentors[-1][0] else set()
        self.attempt(
            lambda: self.case.hand_over(on(day), to_mentor=MENTORS[to]),
            broken,
            lambda: book.mentors.append((day, to)),
        )

    @rule(day=some.sampled_from([-1, 4, 5, 6]))
    def close(self, day: int) -> None:
        book = self.notebook
        broken = book.shut() | ({"ends-before-start"} if day < 0 else set())
        self.attempt(
            lambda: self.case.close(on(day), reason=EndReason.OTHER), broken, lambda: setattr(book, "closed", day)
        )

    @rule(data=some.data(), day=days)
    def correct(self, data: some.DataObject, day: int) -> None:
        """A session, what was said of a goal or what came of an appointment moves to another day."""
        book = self.notebook
        kinds = ("session", "goal", "revision", "end", "conclusion")
        versions = [version for version, entry in book.entries.items() if entry["kind"] in kinds]
        if not versions:
            return
        version = data.draw(some.sampled_from(versions))
        entry = book.entries[version]
        broken = {"entry-retracted"} if version in book.retracted else set()
        if day != entry["day"] and not broken:
            broken = book.outside(day) | book.without_consent(entry["purpose"], (day, None)) | book.moved(version, day)
        target = "deadline-too-early" if entry["kind"] == "conclusion" else "target-before-goal"
        broken |= {target} if entry["target"] is not None and entry["target"] < day else set()

        def tell() -> None:
            entry["day"] = day
            for goal in book.goals.values():
                if goal["by"] == version:
                    goal["set"] = day

        self.attempt(lambda: self.put_right(version, {"occurred_on": on(day).on.isoformat()}), broken, tell)

    @rule(data=some.data(), deadline=perhaps_days)
    def correct_deadline(self, data: some.DataObject, deadline: int | None) -> None:
        """What came of an appointment gets another deadline, or none."""
        book = self.notebook
        versions = [version for version, entry in book.entries.items() if entry["kind"] == "conclusion"]
        if not versions:
            return
        version = data.draw(some.sampled_from(versions))
        entry = book.entries[version]
        broken = {"entry-retracted"} if version in book.retracted else set()
        broken |= {"deadline-too-early"} if deadline is not None and deadline < entry["day"] else set()

        def tell() -> None:
            entry["target"] = deadline
            for appointment in book.appointments.values():
                if appointment["concluded"] == version:
                    appointment["deadline"] = deadline

        changes = {"deadline": None if deadline is None else on(deadline).on.isoformat()}
        self.attempt(lambda: self.put_right(version, changes), broken, tell)

    @rule(data=some.data())
    def retract(self, data: some.DataObject) -> None:
        book = self.notebook
        if not book.entries:
            return
        version = data.draw(some.sampled_from(sorted(book.entries)))
        self.attempt(
            lambda: self.put_right(version, {}),
            ({"entry-retracted"} if version in book.retracted else set())
            | ({"others-rest-on-it"} if book.resting_on(version) else set()),
            lambda: book.retract(version),
        )

    @invariant()
    def the_notebook_agrees(self) -> None:
        case, book = self.case, self.notebook
        assert case.closed_on == day_of(book.closed)
        assert case.paused_on == day_of(book.paused)
        assert case.mentor_id == MENTORS[book.mentors[-1][1]].id
        assert {id.int: by for id, by in case.sessions.items()} == book.sessions
        assert {id.int: by for id, by in case.outcomes.items()} == book.outcomes
        assert case.retracted == book.retracted
        assert {id.int: (goal.set_by, goal.set_on, goal.revised, goal.ended_by) for id, goal in case.goals.items()} == {
            id: (goal["by"], day_of(goal["set"]), goal["revised"], goal["end"]) for id, goal in book.goals.items()
        }
        assert {
            id.int: (a.starts_on, a.cancelled, a.concluded_by, a.next_step_open) for id, a in case.appointments.items()
        } == {
            id: (day_of(a["day"]), a["cancelled"], a["concluded"], book.step_open(id))
            for id, a in book.appointments.items()
        }
        assert {id.int: path.decided_by for id, path in case.credentials.items()} == {
            id: path["decided"] for id, path in book.paths.items()
        }

    def teardown(self) -> None:
        if not hasattr(self, "case"):
            return
        for purpose, day, hour in product((MENTORING, ACCOMPANIMENT, RECOGNITION), range(-1, 7), HOURS):
            assert self.relied_on(purpose, (day, hour)) == self.notebook.relied_on(purpose, (day, hour))
        events = history(self.case)
        for event in events:
            self._rests_on_what_it_says(event)
        assert parts(replayed(stored_and_opened(events))) == parts(self.case)

    def relied_on(self, purpose: str, when: When) -> int | None:
        try:
            return self.case.relied_on(Purpose(purpose), occurred(when))
        except ConsentMissing:
            return None

    def put_right(self, version: int, changes: dict[str, Any]) -> None:
        corrections = [one for one in history(self.case) if isinstance(one, EntryCorrected)]
        entry = as_it_stands(history(self.case)[version - 1], corrections)
        if changes:
            self.case.correct_entry(entry, on(TODAY), changes=changes, reason="Written down wrongly")
        else:
            self.case.retract_entry(entry, on(TODAY), reason="It was another trainee")

    def _rests_on_what_it_says(self, event: MentorshipEvent) -> None:
        if event.PURPOSE is None:
            return
        decision = history(self.case)[(event.relied_on or 0) - 1]
        assert type(decision).TOPIC in ["consent-overridden", *(f"consent-{state}" for state in PERMITTING)]
        assert decision.purpose is event.PURPOSE  # type: ignore[attr-defined] # the topic says that it has one
        assert decision.originator_version < event.originator_version
        assert decision.occurred_on <= event.occurred_on


RandomLives.TestCase.settings = settings(
    max_examples=300, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestRandomLives = RandomLives.TestCase
