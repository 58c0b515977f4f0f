"""Stripe's error answers. https://docs.stripe.com/api/errors"""

from typing import Any

import msgspec

from axiru.dev.sandbox.answers import Answer

DOC_URL = "https://stripe.com/docs/error-codes/{}"


class StripeRefusal(Exception):
    """An answer other than 200, in Stripe's words: `status` is the HTTP status, the rest goes into `error`."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type
        self.code = code
        self.param = param
        self.headers = headers or {}
        self.facts = facts or {}

    def answer(self) -> Answer:
        """The refusal as Stripe would put it on the wire; absent facts are left out, as Stripe leaves them out."""
        error: dict[str, Any] = {}
        if self.code is not None:
            error |= {"code": self.code, "doc_url": DOC_URL.format(self.code.replace("_", "-"))}
        error["message"] = self.message
        if self.param is not None:
            error["param"] = self.param
        error["type"] = self.type
        error |= self.facts
        return Answer(status=self.status, body=msgspec.json.encode({"error": error}), headers=self.headers)


class ParameterRefused(StripeRefusal):
    """The request was refused before it began to execute, so its idempotency key stays unused.

    https://docs.stripe.com/api/idempotent_requests: "We save results only after the execution of an endpoint begins."
    """


def resource_missing(kind: str, object_id: str, *, param: str, status: int = 404) -> StripeRefusal:
    return StripeRefusal(f"No such {kind}: '{object_id}'", status=status, code="resource_missing", param=param)


def rate_limited(*, retry_after_seconds: int | None) -> StripeRefusal:
    """https://docs.stripe.com/rate-limits"""
    headers = {"Stripe-Rate-Limited-Reason": "global-rate", "Stripe-Should-Retry": "true"}
    if retry_after_seconds is not None:
        headers["Retry-After"] = str(retry_after_seconds)
    return StripeRefusal(
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        status=429,
        code="rate_limit",
        headers=headers,
    )


def internal_error(*, should_retry: bool | None = None) -> StripeRefusal:
    """A 500. `should_retry` becomes `Stripe-Should-Retry`, by which Stripe tells its libraries whether to try again."""
    headers = {} if should_retry is None else {"Stripe-Should-Retry": "true" if should_retry else "false"}
    return StripeRefusal(
        "Sorry! There was an error while talking to one of our backends. "
        "Support has been notified. Please contact support@stripe.com if you have questions.",
        status=500,
        type="api_error",
        headers=headers,
    )
