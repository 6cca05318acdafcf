"""Commands on the register of reports. The figures are counted and protected before; here they are put on record and let go."""

from collections.abc import Callable
from typing import Concatenate
from uuid import UUID

from application.caller import Caller, Receipt, Submission
from application.permissions import refuse_unless
from application.record import Entry, MovedOn, Record
from domain.errors import NotFound, Refusal, Stale
from domain.report import Audience, Content, Report


class Reports:
    def __init__(self, record: Record) -> None:
        self._record = record

    async def prepare(
        self, by: Caller, submission: Submission, report_id: UUID, *, audience: Audience, content: Content
    ) -> Receipt:
        """A draft for a second person. `report_id` is that of the quarter and the audience.

        Raises NotAllowed, Stale, KeyReused or the domain's refusal. A repeat gets the first answer.
        """
        refuse_unless(by, "prepare_report")
        try:
            report = await self.report(by, report_id)
        except NotFound:
            report = None
        try:
            if report is None:
                report = Report.prepare_report(
                    report_id, audience=audience, content=content, prepared_by=by.member_id, told=by.told()
                )
            else:
                report.prepare_anew(by.told(), content=content, prepared_by=by.member_id)
        except Refusal as refusal:
            return await self._earlier(by, submission, refusal)
        return await self._record_of(by, submission, report)

    async def decide[**P](
        self,
        by: Caller,
        submission: Submission,
        report_id: UUID,
        command: Callable[Concatenate[Report, P], None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Receipt:
        """Runs one command on a report. Raises NotAllowed, NotFound, Stale, KeyReused or the domain's refusal."""
        refuse_unless(by, command.__name__)
        report = await self.report(by, report_id)
        try:
            command(report, *args, **kwargs)
        except Refusal as refusal:
            return await self._earlier(by, submission, refusal)
        return await self._record_of(by, submission, report)

    async def report(self, by: Caller, report_id: UUID) -> Report:
        """Raises NotFound."""
        loaded: object = None
        for event in await self._record.history(by, report_id):
            loaded = event.mutate(loaded)  # type: ignore[arg-type]  # the library declares an aggregate of its own here
        if not isinstance(loaded, Report):
            raise NotFound
        return loaded

    async def _record_of(self, by: Caller, submission: Submission, report: Report) -> Receipt:
        try:
            [receipt] = await self._record.append(by, [Entry.of(submission, report, {"id": str(report.id)})])
        except MovedOn:
            return await self._earlier(by, submission, Stale())
        return receipt

    async def _earlier(self, by: Caller, submission: Submission, refusal: Refusal) -> Receipt:
        earlier = await self._record.receipt(by, submission)
        if earlier is None:
            raise refusal
        return earlier
