"""A subscription to the log for synchronous callers: wakes when the database notifies."""

import threading
from collections.abc import Sequence
from typing import Any

import psycopg
from eventsourcing.persistence import ApplicationRecorder, ListenNotifySubscription

from adapters.postgres.session import session

LISTEN_PAUSE = 0.1


class LogSubscription(ListenNotifySubscription[ApplicationRecorder]):
    """Yields what is recorded after position `gt`, first what is there and then what comes.

    If the connection is lost the iteration ends with that error; subscribing again from the last position goes on.
    """

    def __init__(
        self, recorder: ApplicationRecorder, dsn: str, gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._conninfo = session(dsn, "accompany_service", statement_timeout=4)
        self._listener = threading.Thread(target=self._listen, name="subscription", daemon=True)
        self._listener.start()

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        super().__exit__(*args, **kwargs)
        self._listener.join()

    def _listen(self) -> None:
        try:
            with psycopg.connect(self._conninfo, autocommit=True) as connection:
                connection.execute("LISTEN accompany_events")
                # What was recorded between the first look and this moment told nobody.
                self._has_been_notified.set()
                while not self._has_been_stopped:
                    for _ in connection.notifies(timeout=LISTEN_PAUSE, stop_after=1):
                        self._has_been_notified.set()
        except psycopg.Error as error:
            self._thread_error = self._thread_error or error
            self.stop()
