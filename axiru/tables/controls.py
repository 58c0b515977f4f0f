"""Controls: the kill switch and what else stops money outside of policy, by people or by a circuit breaker."""

from piccolo.columns import JSONB, Array, BigInt, Integer, Text, Timestamptz
from piccolo.table import Table


class Control(Table, tablename="controls"):
    """`applies_to` is test, live or both. In force from `engaged_at` until lifted or expired.

    `engaged_by` is null where a circuit breaker engaged it. `in_flight` are the decisions whose call to Stripe it came
    too late for.
    """

    id = Text(primary_key=True)
    organization_id = Text()
    kind = Text()
    scope = JSONB()
    applies_to = Text()
    reason = Text()
    engaged_by = Text(null=True, default=None)
    engaged_at = Timestamptz()
    expires_at = Timestamptz(null=True, default=None)
    lifted_by = Text(null=True, default=None)
    lifted_reason = Text(null=True, default=None)
    lifted_at = Timestamptz(null=True, default=None)
    breaker_id = Text(null=True, default=None)
    in_flight = Array(base_column=Text())


class Breaker(Table, tablename="breakers"):
    """Trips when a window holds more than `factor_percent` of what is usual, and `minimum` at least."""

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    name = Text()
    metric = Text()
    rail = Text()
    rail_action = Text()
    source = Text(null=True, default=None)
    currency = Text(null=True, default=None)
    window_seconds = Integer()
    baseline_seconds = Integer()
    factor_percent = Integer()
    minimum = BigInt()
    response = Text()
    freeze_seconds = Integer(null=True, default=None)
    created_by = Text()
    created_at = Timestamptz()
    updated_at = Timestamptz()
    retired_at = Timestamptz(null=True, default=None)


class BreakerTrip(Table, tablename="breaker_trips"):
    """A breaker that tripped: a proposal until somebody accepts or dismisses it, or a freeze that was set."""

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    breaker_id = Text()
    state = Text()
    observed = BigInt()
    usual = BigInt()
    threshold = BigInt()
    scope = JSONB()
    control_id = Text(null=True, default=None)
    tripped_at = Timestamptz()
    resolved_by = Text(null=True, default=None)
    resolved_reason = Text(null=True, default=None)
    resolved_at = Timestamptz(null=True, default=None)


class PayoutPause(Table, tablename="payout_pauses"):
    """The payout schedule of a frozen account, switched to manual; `schedule_before` is the way back."""

    control_id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    stripe_connection_id = Text(null=True, default=None)
    stripe_account_id = Text()
    state = Text()
    schedule_before = JSONB(null=True, default=None)
    attempts = Integer(default=0)
    next_attempt_at = Timestamptz(null=True, default=None)
    leased_until = Timestamptz(null=True, default=None)
    detail = Text(null=True, default=None)
    updated_at = Timestamptz()


class FailOpenProgramme(Table, tablename="fail_open_programmes"):
    """A payout programme that may go on, up to an amount and until a time, while Axiru cannot be reached."""

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    programme = Text()
    currency = Text()
    max_amount_cents = BigInt()
    reason = Text()
    added_by = Text()
    added_at = Timestamptz()
    expires_at = Timestamptz()
    removed_by = Text(null=True, default=None)
    removed_at = Timestamptz(null=True, default=None)
