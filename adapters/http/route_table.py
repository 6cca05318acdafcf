"""Finds a request's route by the segments of its address, instead of trying one pattern after the other.

The framework stays the authority: what is not found here goes on to its own search, which also answers 404 and 405.
"""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.convertors import StringConvertor
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

# No segment of an address is this.
_ANY = ""
_HERE = "/"


class RouteTable(BaseRoute):
    """Stands in front of an app's routes and knows all of those that its routers brought along."""

    def __init__(self, app: FastAPI) -> None:
        # For each method a tree by segment, with the route of an address at its end.
        self._methods: dict[str, Any] = {}
        for context in _contexts(app):
            for method in context.methods or ():
                node = self._methods.setdefault(method, {})
                for segment in context.path_format.split("/")[1:]:
                    node = node.setdefault(_ANY if segment.startswith("{") else segment, {})
                # As with the framework, the first of two that are alike.
                node.setdefault(_HERE, context)

    @classmethod
    def in_front_of(cls, app: FastAPI) -> None:
        """To be called once all routers are included."""
        app.router.routes.insert(0, cls(app))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope.get("root_path"):
            return Match.NONE, {}
        node: Any = self._methods.get(scope["method"])
        values = []
        for segment in scope["path"].split("/")[1:]:
            if not node or not segment:
                return Match.NONE, {}
            found = node.get(segment)
            if found is None:
                found = node.get(_ANY)
                values.append(segment)
            node = found
        context = node and node.get(_HERE)
        if context is None:
            return Match.NONE, {}
        return Match.FULL, {
            "endpoint": context.endpoint,
            "path_params": dict(zip(context.param_convertors, values, strict=True)),
            "route": context.original_route,
            # Where the framework's own search leaves it, for APIRoute.handle and for telemetry.
            "fastapi": {"effective_route_context": context},
        }

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["route"].handle(scope, receive, send)


def _contexts(app: FastAPI) -> Iterator[Any]:
    for included in app.router.routes:
        contexts = getattr(included, "effective_route_contexts", None)
        for context in contexts() if contexts else ():
            if isinstance(context.original_route, APIRoute) and all(
                isinstance(convertor, StringConvertor) for convertor in context.param_convertors.values()
            ):
                yield context
