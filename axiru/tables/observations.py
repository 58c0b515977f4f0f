"""What was seen on Stripe: the events it told, and the movements they speak of."""

from piccolo.columns import JSONB, Boolean, Integer, Text, Timestamptz
from piccolo.table import Table


class StripeEvent(Table, tablename="stripe_events"):
    """An event as it was stored before it was acknowledged, cut down to what rules and people may know."""

    organization_id = Text()
    mode = Text()
    id = Text(primary_key=True)
    stripe_connection_id = Text()
    stripe_account_id = Text()
    type = Text()
    api_version = Text(null=True, default=None)
    object_id = Text()
    body = JSONB()
    happened_at = Timestamptz()
    received_at = Timestamptz()
    via = Text()
    state = Text()
    attempts = Integer(default=0)
    next_attempt_at = Timestamptz(null=True, default=None)
    processed_at = Timestamptz(null=True, default=None)
    detail = Text(null=True, default=None)


class ObservedMovement(Table, tablename="observed_movements"):
    """A movement seen on Stripe, once, with the decision it belongs to. `bypass`: nobody had asked for it.

    `stripe_status` is the newest that Stripe told of, at `told_at`.
    """

    organization_id = Text()
    mode = Text()
    stripe_object_id = Text(primary_key=True)
    stripe_connection_id = Text()
    kind = Text()
    decision_id = Text()
    bypass = Boolean()
    why = Text()
    observed_at = Timestamptz()
    stripe_status = Text(null=True, default=None)
    told_at = Timestamptz()
