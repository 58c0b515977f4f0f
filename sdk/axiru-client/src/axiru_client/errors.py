"""What is raised instead of an answer. Whatever is raised: nothing was allowed."""

from collections.abc import Mapping, Sequence
from typing import Any


class AxiruClientError(Exception):
    """Everything this package raises."""


class HoldNotWritten(AxiruClientError):
    """The hold file cannot be written or read, so nothing may go on: a hold that is not kept would be lost."""


class RequestRefused(AxiruClientError):
    """Axiru answered that this request is at fault. Sending it again unchanged changes nothing."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "invalid_request",
        field_errors: Sequence[Mapping[str, Any]] = (),
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.field_errors = tuple(field_errors)
        self.request_id = request_id


class InvalidRequest(RequestRefused):
    """400, 405, 413, 415: the body is not what Axiru takes; `field_errors` names every field that is wrong."""


class NotAuthenticated(RequestRefused):
    """401: the API key is missing, unknown, revoked or expired."""


class NotPermitted(RequestRefused):
    """403: the API key lacks the scope."""


class Conflict(RequestRefused):
    """409: the present state does not allow it."""


class IdempotencyMismatch(Conflict):
    """409: the idempotency key belongs to a request with another body."""
