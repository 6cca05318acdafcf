"""Reports to funders: what was released, for whoever has it; and for coordinators what waits for a second person."""

from enum import StrEnum
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.http.pages.form import Form, PostedForm
from adapters.http.pages.page import page
from adapters.http.pages.recorded import MinPosition, What, notice, recorded
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.parts import Parts
from adapters.http.reading import reading
from adapters.reporting.files import data_package, figures_csv, report_json
from adapters.reporting.shown import shown
from application.caller import Caller, Receipt
from application.permissions import refuse_unless
from application.reports import Reports
from domain.errors import NotAllowed, NotFound, Refusal
from domain.report import Content, Report, ReportPrepared, WithdrawalReason
from domain.vocabulary import Role
from projections.reports import ReportRow, report_row, reports

ADDRESS = "/reports/{report_id}"
_FILES = {
    "report.json": (report_json, "application/json"),
    "figures.csv": (figures_csv, "text/csv; charset=utf-8"),
    "datapackage.json": (data_package, "application/json"),
}


class Step(StrEnum):
    AGREE = "agree"
    TURN_DOWN = "turn-down"
    RELEASE = "release"
    WITHDRAW = "withdraw"


def report_pages(parts: Parts) -> APIRouter:
    router = APIRouter()
    register = Reports(parts.record)

    @router.get("/reports")
    async def list_reports(request: Request, visitor: SignedInVisitor, position: MinPosition = 0) -> Response:
        by = visitor.by
        refuse_unless(by, "see_reports")
        async with reading(parts, by, Response(), position) as connection:
            found = await reports(connection, organisation_id=by.organisation_id)
        return page(request, "reports.html", reports=[row for row in found if _may_see(by, row)])

    @router.get(ADDRESS)
    async def read_report(
        request: Request, report_id: UUID, visitor: SignedInVisitor, position: MinPosition = 0, what: What = ""
    ) -> Response:
        return await shown_page(request, visitor.by, report_id, Form({}), position, what)

    @router.post(ADDRESS)
    async def take_step(request: Request, report_id: UUID, form: PostedForm, visitor: SignedInVisitor) -> Response:
        receipt = await _taken(request, visitor.by, report_id, form)
        if receipt is None:
            return await shown_page(request, visitor.by, report_id, form)
        return recorded(receipt, "report", f"/reports/{report_id}")

    @router.get(ADDRESS + "/{file}")
    async def read_file(report_id: UUID, file: str, visitor: SignedInVisitor) -> Response:
        if file not in _FILES:
            raise NotFound
        make, media_type = _FILES[file]
        row, content = await found(visitor.by, report_id)
        named = f"{row.since}-{file}"
        return Response(
            make(content), media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{named}"'}
        )

    async def found(by: Caller, report_id: UUID, position: int = 0) -> tuple[ReportRow, Content]:
        """Raises NotAllowed, or NotFound where the report is not the caller's to see."""
        refuse_unless(by, "see_reports")
        async with reading(parts, by, Response(), position) as connection:
            row = await report_row(connection, organisation_id=by.organisation_id, report_id=report_id)
            if row is None or not _may_see(by, row):
                raise NotFound
            event = (await parts.opened(by, [row.prepared_position]))[row.prepared_position]
        assert isinstance(event, ReportPrepared), "the projection names the event that holds the figures"
        return row, event.content

    async def shown_page(
        request: Request, by: Caller, report_id: UUID, form: Form, position: int = 0, what: str = ""
    ) -> Response:
        row, content = await found(by, report_id, position)
        return page(
            request,
            "report.html",
            status=422 if form.problems else 200,
            row=row,
            content=content,
            report=shown(content),
            form=form,
            may_decide=by.role is Role.COORDINATOR,
            prepared_it=by.member_id == row.prepared_by,
            reasons=WithdrawalReason,
            **notice(what),
        )

    async def _taken(request: Request, by: Caller, report_id: UUID, form: Form) -> Receipt | None:
        """None where something is wrong, which the form then says."""
        step = form.choice("step", Step, "Choose what to do.")
        draft = form.whole("draft", "Open the report again.")
        if form.problems or step is None or draft is None:
            return None
        submission, told = form.submission(request, by), by.told()
        try:
            match step:
                case Step.AGREE | Step.TURN_DOWN:
                    return await register.decide(
                        by,
                        submission,
                        report_id,
                        Report.review_report,
                        told,
                        reviewed_by=by.member_id,
                        draft=draft,
                        agrees=step is Step.AGREE,
                    )
                case Step.RELEASE:
                    return await register.decide(
                        by, submission, report_id, Report.release_report, told, released_by=by.member_id, draft=draft
                    )
                case Step.WITHDRAW:
                    reason = form.choice("reason", WithdrawalReason, "Choose why.")
                    if reason is None:
                        return None
                    return await register.decide(
                        by,
                        submission,
                        report_id,
                        Report.withdraw_report,
                        told,
                        withdrawn_by=by.member_id,
                        reason=reason,
                    )
        except (NotFound, NotAllowed):
            raise
        except Refusal as refusal:
            form.refuse(refusal)
            return None

    return router


def _may_see(by: Caller, row: ReportRow) -> bool:
    """Whoever is outside the organisation's own work sees what was released."""
    return by.role is Role.COORDINATOR or row.is_public
