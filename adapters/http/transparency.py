"""The logs as C2SP's tlog-tiles has them, for anybody: no token is asked for.

What is here are hashes, which say nothing about anybody, and signatures over them; what can be learned is how many rows there are and when
they came. An auditor, a witness or a funder needs it without an account of ours, and so that we can't show each of them another log.
"""

from fastapi import APIRouter, Request, Response

from adapters.evidence.reading import LogReader, NotInLog
from adapters.http.parts import Parts
from audit.note import NoteRefused
from audit.tiles import WIDTH, parse_path

ROOT = "/log"
FOR_EVER = "public, max-age=31536000, immutable"


def transparency_routes(parts: Parts) -> APIRouter:
    """`/log/<log>/checkpoint` and `/log/<log>/tile/…`; not part of the API document, since the format is C2SP's."""
    router = APIRouter(prefix=ROOT, include_in_schema=False)

    def log_of(log: str, request: Request) -> LogReader:
        found = parts.logs.get(log)
        if found is None or request.scope["query_string"]:
            raise NotInLog
        return found

    @router.get("/{log}/checkpoint")
    async def read_log_checkpoint(log: str, request: Request) -> Response:
        checkpoint = await log_of(log, request).newest()
        return Response(
            checkpoint.served, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"}
        )

    @router.get("/{log}/tile/{tile:path}")
    async def read_log_tile(log: str, tile: str, request: Request) -> Response:
        try:
            wanted = parse_path(tile)
        except NoteRefused:
            raise NotInLog from None
        found = await log_of(log, request).tile(wanted)
        # A narrower tile is the beginning of a wider one and never changes either; but nobody needs it once that is there.
        kept = FOR_EVER if wanted.width == WIDTH else "public, max-age=3600"
        return Response(found, media_type="application/octet-stream", headers={"Cache-Control": kept})

    return router
