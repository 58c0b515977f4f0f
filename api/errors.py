"""Every refusal as it leaves the house. The one place that knows which code has which HTTP status."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException

from api.observation import request_id_of
from axiru.errors import AxiruError
from policies import PolicyInvalid

STATUS: Final = {
    "invalid_json": 400,
    "invalid_request": 400,
    "policy_invalid": 400,
    "reason_required": 400,
    "missing_authorization": 401,
    "invalid_authorization_scheme": 401,
    "invalid_api_key": 401,
    "invalid_credentials": 401,
    "invalid_signature": 401,
    "insufficient_scope": 403,
    "not_eligible": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "idempotency_mismatch": 409,
    "conflict": 409,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "rate_limited": 429,
    "decision_failed": 500,
}
_NOT_FOUND: Final = "There is no such resource."
_log = structlog.get_logger("api")


class FieldError(msgspec.Struct, frozen=True):
    """One field that is wrong: its path (`intent.amount_cents`), a stable code, a sentence."""

    field: str
    code: str
    message: str


class InvalidBody(AxiruError):
    """The body is JSON but not what this endpoint takes; `field_errors` names every field that is wrong."""

    code = "invalid_request"

    def __init__(self, field_errors: Sequence[FieldError]) -> None:
        super().__init__(
            "The request has a field that is not valid."
            if len(field_errors) == 1
            else f"The request has {len(field_errors)} fields that are not valid."
        )
        self.field_errors = tuple(field_errors)

    @classmethod
    def single(cls, field: str, code: str, message: str) -> "InvalidBody":
        return cls([FieldError(field, code, message)])


class NotFound(AxiruError):
    """There is no such thing, or it belongs to another organization: the same answer for both."""

    code = "not_found"

    def __init__(self) -> None:
        super().__init__(_NOT_FOUND)


def refusal(request: Request[Any, Any, Any], error: AxiruError) -> Response[bytes]:
    """An error of ours as its answer. A code without a status here is a defect of ours and leaks nothing."""
    status = STATUS.get(error.code)
    if status is None:
        return internal_error(request, error)
    field_errors = error.field_errors if isinstance(error, InvalidBody) else _named_fields(error)
    # One body for whatever cannot be found: which ids exist elsewhere is nobody's business.
    facts = {} if status == 404 else error.facts
    message = _NOT_FOUND if status == 404 else error.message
    code = "invalid_request" if status == 400 and field_errors else error.code
    return _answer(request, status, code, message, field_errors, facts)


def framework_refusal(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """An error that Litestar raised: routing, methods, query and path parameters."""
    match error:
        case NotFoundException():
            return refusal(request, NotFound())
        case MethodNotAllowedException():
            response = _answer(request, 405, "method_not_allowed", "This path does not take that method.", (), {})
            response.headers.update(error.headers or {})
            return response
        case ValidationException():
            return refusal(request, InvalidBody(_parameter_errors(request, error)))
        case _ if error.status_code == 413:
            return _answer(request, 413, "payload_too_large", "The body is too large.", (), {})
        case _ if error.status_code < 500:
            return _answer(request, 400, "invalid_request", "The request could not be read.", (), {})
        case _:
            return internal_error(request, error)


def internal_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Anything unforeseen. The cause goes to the log under the request's id, never to the caller."""
    request_id = request_id_of(request.scope)
    # The template, not the path: a path may hold the token of a link.
    path = request.scope.get("path_template") or "unrouted"
    _log.error("request_failed", request_id=request_id, path=path, exc_info=error)
    handler = request.scope.get("route_handler")
    code = handler.opt.get("failure_code", "internal_error") if handler is not None else "internal_error"
    return _answer(request, 500, code, "Something went wrong here; it has been recorded. Nothing was allowed.", (), {})


def _named_fields(error: AxiruError) -> tuple[FieldError, ...]:
    """An act that refuses for one field says so in its facts; a policy's text is one, with every fault in it."""
    if isinstance(error, PolicyInvalid):
        return tuple(
            FieldError("text", fault.code, f"{fault.line}:{fault.column}: {fault.message}") for fault in error.errors
        )
    field = error.facts.get("field")
    if not isinstance(field, str):
        return ()
    return (FieldError(field, "missing" if error.code == "reason_required" else "invalid", error.message),)


def _parameter_errors(request: Request[Any, Any, Any], error: ValidationException) -> list[FieldError]:
    found = error.extra if isinstance(error.extra, list) else []
    named = [entry for entry in found if isinstance(entry, dict)]
    return [
        FieldError(
            _told_name(request, str(entry.get("key", "request"))),
            "invalid",
            _told_problem(request, entry),
        )
        for entry in named
    ] or [FieldError("request", "invalid", "A parameter is not valid.")]


def _told_problem(request: Request[Any, Any, Any], entry: Mapping[str, Any]) -> str:
    """What is wrong with a parameter; what it may be, where that is one of a few words."""
    problem = str(entry.get("message", "This value is not valid"))
    parameter = request.route_handler.parsed_fn_signature.parameters.get(str(entry.get("key")))
    if parameter is None or not problem.startswith("Invalid enum value"):
        return f"{problem}."
    shape = msgspec.inspect.type_info(parameter.annotation)
    branches = shape.types if isinstance(shape, msgspec.inspect.UnionType) else (shape,)
    words = [str(word) for one in branches if isinstance(one, msgspec.inspect.LiteralType) for word in one.values]
    return f"This must be one of: {', '.join(sorted(words))}." if words else f"{problem}."


def _told_name(request: Request[Any, Any, Any], name: str) -> str:
    """A parameter as callers know it; in the handler it may go by another name."""
    parameter = request.route_handler.parsed_fn_signature.parameters.get(name)
    definition = parameter.kwarg_definition if parameter else None
    return getattr(definition, "name", None) or name


def _answer(
    request: Request[Any, Any, Any],
    status: int,
    code: str,
    message: str,
    field_errors: Sequence[FieldError],
    facts: dict[str, Any],
) -> Response[bytes]:
    body = {name: fact for name, fact in facts.items() if name not in {"field", "retry_after_seconds"}}
    body |= {"error": code, "message": message, "request_id": request_id_of(request.scope)}
    if field_errors:
        body["field_errors"] = field_errors
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="axiru"'
    if status == 429:
        headers["Retry-After"] = str(facts.get("retry_after_seconds", 1))
    return Response(
        msgspec.json.encode(body, enc_hook=str), status_code=status, media_type="application/json", headers=headers
    )


EXCEPTION_HANDLERS: Final[Mapping[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[Any]]]] = {
    AxiruError: refusal,
    HTTPException: framework_refusal,
    Exception: internal_error,
}
