"""After something was recorded: on to a page that waits until it can show it, and says so."""

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import RedirectResponse

from adapters.http.pages.wording import NOTICES
from application.caller import Receipt

MinPosition = Annotated[int, Query(alias="position", ge=0, le=2**63 - 1)]
What = Annotated[str, Query(alias="recorded", max_length=40)]


def recorded(receipt: Receipt, what: str, address: str) -> RedirectResponse:
    """See other: reloading that page sends nothing again."""
    return RedirectResponse(f"{address}?recorded={what}&position={receipt.position}", 303)


def notice(what: str) -> dict[str, Any]:
    """For the page's template: what was recorded, if anything."""
    return {"notice": NOTICES.get(what)}
