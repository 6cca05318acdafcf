"""Signing in with a printed link, signing out, and the way to where a role's work begins."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import RedirectResponse, Response

from adapters.http.pages.page import PLACES, page
from adapters.http.pages.visitor import COOKIE, SignedInVisitor
from adapters.http.parts import Parts
from adapters.identity.tokens import SESSION_LASTS

Link = Annotated[str, Path(max_length=200)]


def sign_in_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get("/sign-in/{link}")
    async def open_link(request: Request, link: Link) -> Response:
        """Asks before the link is used up: a preview of it, or another site, may have opened it."""
        holder = await parts.tokens.holder(link, "link", parts.now())
        if holder is None:
            return page(request, "link_used.html", status=401)
        # A demo's link can be used again, and nobody is harmed by it unless another site switches the role under their hands.
        if holder.demo and request.headers.get("sec-fetch-site") != "cross-site":
            return await sign_in(request, link)
        return page(request, "sign_in.html", role=holder.role)

    @router.post("/sign-in/{link}")
    async def sign_in(request: Request, link: Link) -> Response:
        """Exchanges the link for a session. Whoever was signed in before is signed out."""
        session = await parts.tokens.open_session(link)
        if session is None:
            return page(request, "link_used.html", status=401)
        before = request.cookies.get(COOKIE)
        if before:
            await parts.tokens.end_session(before)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE,
            session,
            max_age=int(SESSION_LASTS.total_seconds()),
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        session = request.cookies.get(COOKIE)
        if session:
            await parts.tokens.end_session(session)
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE, path="/", secure=request.url.scheme == "https", httponly=True, samesite="lax")
        return answer

    @router.get("/")
    async def begin(visitor: SignedInVisitor) -> Response:
        """On to where the role's work begins."""
        return RedirectResponse(PLACES[visitor.by.role][0][0], 303)

    return router
