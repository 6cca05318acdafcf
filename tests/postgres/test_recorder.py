"""eventsourcing's own test cases, unmodified, against our recorders; and what our factory refuses."""

import asyncio
import gc
import time
from collections.abc import Iterator
from unittest import TestCase
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import InfrastructureFactoryError, IntegrityError, StoredEvent, Tracking
from eventsourcing.tests import application as application_cases
from eventsourcing.tests import persistence as persistence_cases
from eventsourcing.utils import Environment

from adapters.postgres.bridge import Bridge
from adapters.postgres.migrate import migrate
from adapters.postgres.recorder import Factory, LogProcessRecorder, LogRecorder, PositionRecorder, SnapshotRecorder
from adapters.postgres.stored import NotStorable, RecordedEvent, StoreUnavailable
from tests.postgres.facts import NEIGHBOUR, ORGANISATION, fact

RECORDER = "adapters.postgres.recorder"


class OnPostgres(TestCase):
    """Gives each case of the library a fresh database, on the version that ACCOMPANY_TEST_POSTGRES names."""

    dsn: str
    bridge: Bridge

    @pytest.fixture(autouse=True)
    def _fresh_database(self, database: str) -> Iterator[None]:
        asyncio.run(migrate(database))
        self.dsn = database
        self.bridge = Bridge.to(database)
        yield
        self.bridge.leave()


class TestSnapshotRecorder(OnPostgres, persistence_cases.AggregateRecorderTestCase):
    def create_recorder(self) -> SnapshotRecorder:
        return SnapshotRecorder(self.bridge)


class TestLogRecorder(OnPostgres, persistence_cases.ApplicationRecorderTestCase[LogRecorder]):
    def create_recorder(self) -> LogRecorder:
        return LogRecorder(self.bridge)

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleaving(OnPostgres, persistence_cases.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> LogRecorder:
        return LogRecorder(self.bridge)


class TestPositionRecorder(OnPostgres, persistence_cases.TrackingRecorderTestCase):
    def create_recorder(self) -> PositionRecorder:
        return PositionRecorder(self.bridge)


class TestLogProcessRecorder(OnPostgres, persistence_cases.ProcessRecorderTestCase):
    def create_recorder(self) -> LogProcessRecorder:
        return LogProcessRecorder(self.bridge)


class PositionRecorderOfATest(PositionRecorder):
    pass


class TestFactory(OnPostgres, persistence_cases.InfrastructureFactoryTestCase[Factory]):
    def setUp(self) -> None:
        self.env = Environment(env={"PERSISTENCE_MODULE": RECORDER, "ACCOMPANY_DATABASE_URL": self.dsn})
        super().setUp()

    def expected_factory_class(self) -> type[Factory]:
        return Factory

    def expected_aggregate_recorder_class(self) -> type[LogRecorder]:
        return LogRecorder

    def expected_application_recorder_class(self) -> type[LogRecorder]:
        return LogRecorder

    def expected_tracking_recorder_class(self) -> type[PositionRecorder]:
        return PositionRecorder

    def tracking_recorder_subclass(self) -> type[PositionRecorder]:
        return PositionRecorderOfATest

    def expected_process_recorder_class(self) -> type[LogProcessRecorder]:
        return LogProcessRecorder


class InOurStore(OnPostgres):
    """Makes every `Application()` of a case one on our store, whatever environment the case gives it."""

    @pytest.fixture(autouse=True)
    def _environment(self, _fresh_database: None) -> Iterator[None]:
        ours = {"PERSISTENCE_MODULE": RECORDER, "ACCOMPANY_DATABASE_URL": self.dsn}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in ours.items():
                patch.setenv(name, value)
            yield
        # The cases drop their applications without closing them.
        gc.collect()


class TestExampleApplication(InOurStore, application_cases.ExampleApplicationTestCase):
    expected_factory_topic = f"{RECORDER}:Factory"


# One case catches a deprecation warning itself, where ours would be an error.
@pytest.mark.filterwarnings("default:'log' is deprecated:DeprecationWarning")
class TestApplication(InOurStore, application_cases.ApplicationTestCase):
    pass


def _refused_at_start_up(self: InOurStore) -> None:
    with pytest.raises(InfrastructureFactoryError, match="AGGREGATE_CACHE_MAXSIZE"):
        Application[UUID](env={"AGGREGATE_CACHE_MAXSIZE": "10"})


# These six are about the library's cache of aggregates, which is not safe among threads and which we refuse.
for _name in (
    "test_application_with_cached_aggregates_and_fastforward",
    "test_check_aggregate_fastforwarding_nonblocking",
    "test_check_aggregate_fastforwarding_blocking",
    "test_application_with_cached_aggregates_not_fastforward",
    "test_application_with_deepcopy_from_cache_arg",
    "test_application_with_deepcopy_from_cache_attribute",
):
    assert hasattr(application_cases.ApplicationTestCase, _name)
    setattr(TestApplication, _name, _refused_at_start_up)


# On one version, unlike the fixture of this name that other files use: the cases above are what differs here.
@pytest.fixture
def dsn(database: str) -> str:
    asyncio.run(migrate(database))
    return database


def _factory(dsn: str, **env: str) -> Factory:
    return Factory({"ACCOMPANY_DATABASE_URL": dsn} | env)


def test_database_functions_of_the_library_are_refused(dsn: str) -> None:
    with pytest.raises(InfrastructureFactoryError, match="POSTGRES_ENABLE_DB_FUNCTIONS"):
        _factory(dsn, POSTGRES_ENABLE_DB_FUNCTIONS="y")


def test_a_factory_without_a_database_is_refused() -> None:
    with pytest.raises(InfrastructureFactoryError, match="ACCOMPANY_DATABASE_URL"):
        Factory({})


def test_a_recorder_of_one_organisation_does_not_see_another(dsn: str) -> None:
    ours = _factory(dsn, ACCOMPANY_ORGANISATION_ID=str(ORGANISATION))
    theirs = _factory(dsn, ACCOMPANY_ORGANISATION_ID=str(NEIGHBOUR))
    try:
        stream = uuid4()
        assert ours.application_recorder().insert_events([fact(stream, 1), fact(stream, 2)]) == [1, 2]
        assert theirs.application_recorder().select_events(stream) == []
        assert theirs.application_recorder().select_notifications(1, 10) == []
        assert theirs.application_recorder().max_notification_id() is None
        found = ours.application_recorder().select_events(stream, gt=1)
        assert [
            (event.originator_version, event.schema_version) for event in found if isinstance(event, RecordedEvent)
        ] == [(2, 2)]
        with pytest.raises(ValueError, match="organisation"):
            theirs.application_recorder().insert_events([fact(stream, 3)])
    finally:
        ours.close()
        theirs.close()


def test_applications_of_one_process_share_their_connections_and_leave_with_the_last(dsn: str) -> None:
    first, second = _factory(dsn), _factory(dsn)
    second.application_recorder().insert_events([StoredEvent(uuid4(), 1, "t", b"")])
    first.close()
    first.close()
    second.application_recorder().insert_events([StoredEvent(uuid4(), 1, "t", b"")])
    recorder = second.application_recorder()
    second.close()
    with pytest.raises(StoreUnavailable):
        recorder.insert_events([StoredEvent(uuid4(), 1, "t", b"")])
    with psycopg.connect(dsn, autocommit=True) as administrator:
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        # The server notices a moment later that a client has left.
        deadline = time.monotonic() + 10
        while administrator.execute(query).fetchone() != (0,):
            assert time.monotonic() < deadline, "a connection stayed"
            time.sleep(0.02)


def test_tracking_and_events_are_recorded_together_or_not_at_all(dsn: str) -> None:

    factory = _factory(dsn)
    try:
        recorder = factory.process_recorder()
        stream = uuid4()
        assert recorder.insert_events([StoredEvent(stream, 1, "t", b"")], tracking=Tracking("up", 1)) == [1]
        with pytest.raises(IntegrityError):
            recorder.insert_events([StoredEvent(stream, 1, "t", b"")], tracking=Tracking("up", 2))
        assert recorder.max_tracking_id("up") == 1
        with pytest.raises(IntegrityError):
            recorder.insert_events([StoredEvent(stream, 2, "t", b"")], tracking=Tracking("up", 1))
        assert recorder.max_notification_id() == 1
        with pytest.raises(NotStorable):
            recorder.insert_events([StoredEvent(stream, 2, "a\0b", b"")])
    finally:
        factory.close()


def test_an_application_of_the_library_runs_on_our_store(dsn: str) -> None:
    env = {"PERSISTENCE_MODULE": RECORDER, "ACCOMPANY_DATABASE_URL": dsn}
    with Application[UUID](env=env) as app:
        aggregate = Aggregate()
        app.save(aggregate)
        aggregate.trigger_event(Aggregate.Event)
        app.save(aggregate)
        stale: Aggregate = app.repository.get(aggregate.id, version=1)
        stale.trigger_event(Aggregate.Event)
        with pytest.raises(IntegrityError):
            app.save(stale)
        found: Aggregate = app.repository.get(aggregate.id)
        assert found.version == 2
    app.close()
