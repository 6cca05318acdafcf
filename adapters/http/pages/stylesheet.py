"""The one stylesheet, served under a name with a hash of its content, so that a browser may keep it for ever."""

import hashlib
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Path, Response

from domain.errors import NotFound

_CONTENT = files("adapters.http").joinpath("static", "accompany.css").read_bytes()
_NAME = f"accompany.{hashlib.sha256(_CONTENT).hexdigest()[:16]}.css"
ADDRESS = f"/static/{_NAME}"


def stylesheet_routes() -> APIRouter:
    router = APIRouter()

    @router.get("/static/{name}")
    async def read_stylesheet(name: Annotated[str, Path(max_length=100)]) -> Response:
        if name != _NAME:
            raise NotFound
        return Response(
            _CONTENT, media_type="text/css", headers={"Cache-Control": "public, max-age=31536000, immutable"}
        )

    return router
