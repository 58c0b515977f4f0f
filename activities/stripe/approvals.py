"""Stripe's own approvals: its people agree to a call first, and Stripe then makes it. https://docs.stripe.com/account/approvals

What waits for them is never called again. How it ended is found out by reading the approval request (API v2, public
preview of 2026-08-26), and where Stripe does not show that, by looking for what the call would have made.
"""

from datetime import datetime
from typing import Any, Final

import msgspec
import stripe

from activities.stripe.operation import CLOCKS_DIFFER_BY, NOT_FOUND
from axiru.domain.execution import ExecutionResult, StripeApproval, StripeCall
from axiru.stripe_errors import code_of

APPROVAL_REQUIRED: Final = "approval_required"

_VERSION: Final = "2026-08-26.preview"
_FORBIDDEN: Final = 403

NOT_SHOWN: Final = "not_shown"
"""The status of a request that Stripe does not show: the app may not read it, or the preview has ended."""

REFUSED: Final = frozenset({"rejected", "canceled", "expired", "failed"})


class _Result(msgspec.Struct, frozen=True):
    id: str | None = None


class _Succeeded(msgspec.Struct, frozen=True):
    result: _Result = _Result()


class _Details(msgspec.Struct, frozen=True):
    succeeded: _Succeeded | None = None


class Review(msgspec.Struct, frozen=True):
    """What the reviewer said."""

    reason: str | None = None


class Shown(msgspec.Struct, frozen=True):
    """An approval request as Stripe shows it, as far as it matters here."""

    status: str
    status_details: _Details | None = None
    review: Review | None = None

    @property
    def result_id(self) -> str | None:
        """What the call made, once it was approved."""
        done = self.status_details.succeeded if self.status_details else None
        return done.result.id if done else None


def approval_required(error: stripe.StripeError) -> StripeApproval | None:
    """The approval request that an error tells of, if it can be read; None for every other error."""
    body: Any = error.json_body
    said = body.get("error") if isinstance(body, dict) else None
    if code_of(error) != APPROVAL_REQUIRED or not isinstance(said, dict):
        return None
    try:
        return msgspec.convert(said.get("approval_request"), StripeApproval)
    except msgspec.ValidationError:
        return None


async def read_approval(client: stripe.StripeClient, call: StripeCall, approval_id: str) -> Shown:
    """How far it is; `not_shown` where Stripe does not say. Raises StripeError where it does not answer."""
    try:
        return await _asked(client, call, "get", f"/v2/core/approval_requests/{approval_id}")
    except stripe.StripeError as error:
        if error.http_status in {NOT_FOUND, _FORBIDDEN}:
            return Shown(NOT_SHOWN)
        raise


async def withdraw(client: stripe.StripeClient, call: StripeCall, approval_id: str) -> Shown:
    """Take the question back, so that nobody can agree to it any more; how it stands afterwards. Raises StripeError."""
    try:
        return await _asked(client, call, "post", f"/v2/core/approval_requests/{approval_id}/cancel")
    except stripe.StripeError as error:
        if error.http_status is None or error.http_status >= 500:
            raise
        return await read_approval(client, call, approval_id)  # somebody was faster


def ended(shown: Shown, asked: StripeApproval, now: datetime) -> ExecutionResult | None:
    """What a request that was refused comes to; None as long as it may still be agreed to.

    One that Stripe does not show has ended some time after it expired.
    """
    if shown.status == NOT_SHOWN and asked.expires_at is not None and now > asked.expires_at + CLOCKS_DIFFER_BY:
        message = "Stripe's own approval ran out, and nothing was made."
        return ExecutionResult(False, None, None, "stripe_approval_expired", message)
    if shown.status not in REFUSED:
        return None
    why = f": {shown.review.reason}" if shown.review and shown.review.reason else "."
    message = f"Stripe's own approval was {shown.status}{why}"
    return ExecutionResult(False, None, None, f"stripe_approval_{shown.status}", message)


async def _asked(client: stripe.StripeClient, call: StripeCall, method: str, path: str) -> Shown:
    # API v2 names the account by its context (https://docs.stripe.com/context).
    context = {"stripe_context": call.stripe_account_id} if call.stripe_account_id else {}
    answer = await client.raw_request_async(method, path, stripe_version=_VERSION, **context)
    return msgspec.json.decode(answer.body, type=Shown)
