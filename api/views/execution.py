"""How far the execution of a decision has come."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

ExecutionStatus = Literal["intended", "calling", "succeeded", "failed"]


class ExecutionError(msgspec.Struct, frozen=True):
    code: str
    message: str | None


class ExecutionView(msgspec.Struct, frozen=True, kw_only=True):
    """`status` is null until Axiru has begun, and always where the caller executes."""

    by: Literal["caller", "axiru"]
    stripe_object_id: str | None = None
    status: ExecutionStatus | None = None
    error: ExecutionError | None = None
    attempts: int = 0


def execution_view(found: Mapping[str, Any]) -> ExecutionView:
    """From a row of `decisions` joined with `EXECUTION_COLUMNS`."""
    code = found["execution_error_code"]
    return ExecutionView(
        by=found["execute"],
        stripe_object_id=found["stripe_object_id"],
        status=found["execution_state"],
        error=ExecutionError(code, found["execution_error_message"]) if code else None,
        attempts=found["attempts"] or 0,
    )


EXECUTION_COLUMNS = """x.state AS execution_state, x.stripe_object_id, x.attempts, x.error_code AS execution_error_code,
    x.error_message AS execution_error_message"""
