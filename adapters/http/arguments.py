"""What a route's function wants, read by a plan that is made once.

The framework works it out anew for every request, which takes a quarter of a command's time. A plan reads what is as it should be, in
the framework's order. Anything else raises `NotPlain`, and the framework reads the request again and says what is wrong.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from inspect import iscoroutinefunction
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin

from fastapi import Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

type Solved = dict[Callable[..., Any], Any]
type Function = Callable[..., Awaitable[Any]]

_SINGLE = (list, tuple, set, frozenset, dict)


class NotPlain(Exception):
    """This has to go the framework's way."""


@dataclass(frozen=True, slots=True)
class _Value:
    """One value of a request: `field` judges it, and `absent` stands for it unless it is `required`."""

    name: str
    alias: str
    field: Any
    required: bool
    absent: Any

    def of(self, given: str | None) -> Any:
        if given is None:
            if self.required:
                raise NotPlain
            return self.absent
        return _judged(self.field, given)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to call one function of a route: first what it depends on, then its own values."""

    function: Function
    depends_on: tuple[tuple[str | None, "Plan"], ...]
    path: tuple[_Value, ...]
    query: tuple[_Value, ...]
    headers: tuple[_Value, ...]
    body: tuple[str, Any] | None
    request: str | None
    response: str | None

    async def call(self, request: Request, response: Response, solved: Solved) -> Any:
        """What the function answers. Raises NotPlain, or what the functions raise."""
        arguments: dict[str, Any] = {}
        for name, plan in self.depends_on:
            if plan.function in solved:
                found = solved[plan.function]
            else:
                found = solved[plan.function] = await plan.call(request, response, solved)
            if name is not None:
                arguments[name] = found
        if self.path:
            given = request.path_params
            for value in self.path:
                arguments[value.name] = value.of(given.get(value.alias))
        if self.query:
            query = request.query_params
            for value in self.query:
                arguments[value.name] = value.of(query.get(value.alias))
        if self.headers:
            headers = request.headers
            for value in self.headers:
                arguments[value.name] = value.of(headers.get(value.alias))
        if self.body:
            name, field = self.body
            arguments[name] = _judged(field, await request.json())
        if self.request:
            arguments[self.request] = request
        if self.response:
            arguments[self.response] = response
        return await self.function(**arguments)


def plan_of(route: APIRoute) -> Plan | None:
    """A plan for a route that answers with a model as JSON; None where the framework does more than a plan can."""
    plain_answer = (
        isinstance(route.response_class, DefaultPlaceholder)
        and route.response_field is not None
        and route.status_code in (None, 200, 201)
        and not (route.response_model_include or route.response_model_exclude or route.response_model_exclude_none)
        and not (route.response_model_exclude_unset or route.response_model_exclude_defaults)
    )
    return _plan(route.dependant, whole=True) if plain_answer else None


def _plan(dependant: Dependant, *, whole: bool = False) -> Plan | None:
    function = dependant.call
    if (
        not iscoroutinefunction(function)
        or dependant.cookie_params
        or dependant.websocket_param_name
        or dependant.http_connection_param_name
        or dependant.background_tasks_param_name
        or dependant.security_scopes_param_name
        or dependant.own_oauth_scopes
        or dependant.concurrency
        or not dependant.use_cache
        or len(dependant.body_params) > whole
    ):
        return None
    body = None
    for field in dependant.body_params:
        if not _is_model(field.field_info.annotation) or getattr(field.field_info, "embed", None):
            return None
        body = (field.name, field)
    depends_on = [(one.name, _plan(one)) for one in dependant.dependencies]
    values = [_values(some) for some in (dependant.path_params, dependant.query_params, dependant.header_params)]
    if any(plan is None for _, plan in depends_on) or any(some is None for some in values):
        return None
    path, query, headers = cast(list[tuple[_Value, ...]], values)
    return Plan(
        cast(Function, function),
        cast(tuple[tuple[str | None, Plan], ...], tuple(depends_on)),
        path,
        query,
        headers,
        body,
        dependant.request_param_name,
        dependant.response_param_name,
    )


def _values(fields: Iterable[Any]) -> tuple[_Value, ...] | None:
    """None where one of them can be given several times, or is more than a value."""
    values = []
    for field in fields:
        about = field.field_info
        if about.validation_alias not in (None, field.alias) or about.validate_default or _is_several(about.annotation):
            return None
        required = about.is_required()
        absent = None if required else field.get_default()
        if not isinstance(absent, str | int | float | bool | None):
            return None
        values.append(_Value(field.name, field.alias, field, required, absent))
    return tuple(values)


def _is_several(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return any(_is_several(one) for one in get_args(annotation))
    return _is_model(annotation) or (origin or annotation) in _SINGLE


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _judged(field: Any, given: Any) -> Any:
    value, errors = field.validate(given)
    if errors:
        raise NotPlain
    return value
