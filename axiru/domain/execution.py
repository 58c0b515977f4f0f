"""What Axiru tells a rail to do, and what came of it."""

from typing import Literal

import msgspec


class StripeCall(msgspec.Struct, frozen=True):
    """One call to Stripe, built from the sealed OVT when it was decided and never changed after.

    `parameters` are the API's own names (https://docs.stripe.com/api/refunds/create); `stripe_account_id` is the
    account the call is made for.
    """

    operation: Literal["refunds.create"]
    stripe_connection_id: str
    stripe_account_id: str
    parameters: dict[str, str | int | dict[str, str]]


class Intent(msgspec.Struct, frozen=True):
    """The written intention to call: permission for attempt number `attempt`, counted from 1."""

    decision_id: str
    call: StripeCall
    idempotency_key: str
    attempt: int


class Blocked(msgspec.Struct, frozen=True):
    """The call was not permitted; the decision is settled as `execution_failed` with this reason."""

    decision_id: str
    reason: str
    message: str


class ExecutionResult(msgspec.Struct, frozen=True):
    """How a call ended. `succeeded` is False only when Stripe certainly did nothing."""

    succeeded: bool
    stripe_object_id: str | None = None
    stripe_status: str | None = None
    error_code: str | None = None
    error_message: str | None = None
