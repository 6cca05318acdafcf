"""Finding somebody, at a browser. What was typed is sent in the body of a form, since an address is kept in histories and logs."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.http.pages.form import Form, PostedForm
from adapters.http.pages.page import page
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.parts import Parts
from adapters.http.search import SearchResult, found
from application.permissions import refuse_unless

LONGEST = 200
SHOWN = 30


def search_page_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get("/search")
    async def read_search(request: Request, visitor: SignedInVisitor) -> Response:
        refuse_unless(visitor.by, "search")
        return _shown(request, Form({}), None)

    @router.post("/search")
    async def search_people(request: Request, visitor: SignedInVisitor, form: PostedForm) -> Response:
        typed = form.text("q")
        if len(typed) > LONGEST:
            form.add("q", f"Type at most {LONGEST} characters.", "too-long")
            return _shown(request, form, None)
        cursor = form.value("cursor") or None
        return _shown(request, form, await found(parts, visitor.by, Response(), typed, limit=SHOWN, cursor=cursor))

    return router


def _shown(request: Request, form: Form, result: SearchResult | None) -> Response:
    return page(request, "search.html", form=form, result=result, longest=LONGEST)
