"""How far the execution of a decision has come."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

ExecutionStatus = Literal["intended", "calling", "requires_approval", "succeeded", "failed"]


class ExecutionError(msgspec.Struct, frozen=True):
    code: str
    message: str | None


class StripeApprovalView(msgspec.Struct, frozen=True):
    """Stripe's own question to its people, answered in its dashboard; `status` as Stripe said last."""

    id: str
    status: str
    dashboard_url: str | None
    expires_at: datetime | None


class ExecutionView(msgspec.Struct, frozen=True, kw_only=True):
    """`status` is null until Axiru has begun, and always where the caller executes.

    At `requires_approval` Stripe asks its own people first: nothing has moved, and Axiru does not call again.
    """

    by: Literal["caller", "axiru"]
    stripe_object_id: str | None = None
    status: ExecutionStatus | None = None
    error: ExecutionError | None = None
    attempts: int = 0
    stripe_approval: StripeApprovalView | None = None


def execution_view(found: Mapping[str, Any]) -> ExecutionView:
    """From a row of `decisions` joined with `EXECUTION_COLUMNS`."""
    code, asked = found["execution_error_code"], found["stripe_approval"]
    return ExecutionView(
        by=found["execute"],
        stripe_object_id=found["stripe_object_id"],
        status=found["execution_state"],
        error=ExecutionError(code, found["execution_error_message"]) if code else None,
        attempts=found["attempts"] or 0,
        stripe_approval=msgspec.json.decode(asked, type=StripeApprovalView)
        if (asked := found["stripe_approval"])
        else None,
    )


EXECUTION_COLUMNS = """x.state AS execution_state, x.stripe_object_id, x.attempts, x.error_code AS execution_error_code,
    x.error_message AS execution_error_message, x.stripe_approval"""
