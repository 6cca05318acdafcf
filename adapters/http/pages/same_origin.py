"""Another site must not act in a visitor's name: whatever changes something has to come from one of our own pages."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.http.problems import RequestRefused

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class FromAnotherSite(RequestRefused):
    status = 403
    code = "from-another-site"
    message = "This came from another site, so nothing was done. Open the page here and send it again."


class SameOriginOnly:
    """ASGI middleware. Browsers set both headers themselves; a page can't forge them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _SAFE and not is_same_origin(Headers(scope=scope)):
            raise FromAnotherSite
        await self._app(scope, receive, send)


def is_same_origin(headers: Headers) -> bool:
    """By Sec-Fetch-Site, which says "none" of what the visitor typed; by Origin where a browser does not send that."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    host = headers.get("host")
    # A proxy may have ended TLS, so that the scheme here is another than the browser's.
    return bool(host) and headers.get("origin") in (f"https://{host}", f"http://{host}")
