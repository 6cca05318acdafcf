"""The appender: commands that arrive together are recorded in one call, and each is answered by itself."""

from collections.abc import Sequence

from adapters.postgres.append_call import record
from adapters.postgres.gatherer import Gatherer
from adapters.postgres.stored import Append, Outcome


class Appender(Gatherer[Append, Outcome]):
    """Records the appends of one event loop. The limits are those of a gatherer; `batch_events` bounds the events of one call."""

    def __init__(
        self,
        dsn: str,
        *,
        wait_limit: float = 5.0,
        queue_limit: int = 2_000,
        batch_limit: int = 256,
        batch_events: int = 4_096,
    ) -> None:
        super().__init__(
            dsn,
            record,
            lambda append: len(append.events),
            wait_limit=wait_limit,
            queue_limit=queue_limit,
            batch_limit=batch_limit,
            batch_rows=batch_events,
        )

    async def append(self, append: Append) -> Outcome:
        """Record one command's events. What is answered here stands in the log.

        Raises StoreBusy if too many wait or the wait was too long, StoreUnavailable if the database could not be
        reached in time, NotStorable if it does not take a value. After the first two, and for a caller who is
        cancelled, it is open whether it was recorded: the same command key will tell.
        """
        return (await self._write_all((append,)))[0]

    async def append_in_order(self, appends: Sequence[Append]) -> list[Outcome]:
        """Record several commands' events one after the other; a later one may build on an earlier one's versions.

        Answers in the same order; each is recorded or not by itself. Raises as `append` does, for the first that
        fails; whether the others were recorded, their command keys will tell.
        """
        outcomes: list[Outcome] = []
        for start in range(0, len(appends), self._batch_limit):
            outcomes += await self._write_all(appends[start : start + self._batch_limit])
        return outcomes
