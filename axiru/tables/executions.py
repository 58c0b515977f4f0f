"""What Axiru does on a rail: the intent, written before the call, and how it ended."""

from piccolo.columns import JSONB, Integer, Text, Timestamptz
from piccolo.table import Table


class Execution(Table, tablename="executions"):
    """`state` is intended, calling, requires_approval, succeeded or failed.

    `calling` is what a kill switch reports as in flight; at `requires_approval` Stripe asks its own people first.
    """

    decision_id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    state = Text()
    idempotency_key = Text()
    call = JSONB()
    attempts = Integer(default=0)
    stripe_object_id = Text(null=True, default=None)
    stripe_status = Text(null=True, default=None)
    error_code = Text(null=True, default=None)
    error_message = Text(null=True, default=None)
    intended_at = Timestamptz()
    first_call_at = Timestamptz(null=True, default=None)
    last_call_at = Timestamptz(null=True, default=None)
    settled_at = Timestamptz(null=True, default=None)
    stripe_approval = JSONB(null=True, default=None)


class Undoing(Table, tablename="undoings"):
    """The taking back of what was executed, where Stripe has a way. States as of an execution."""

    decision_id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    state = Text()
    call = JSONB()
    idempotency_key = Text()
    attempts = Integer(default=0)
    reason = Text()
    requested_by = Text()
    requested_at = Timestamptz()
    last_call_at = Timestamptz(null=True, default=None)
    stripe_object_id = Text(null=True, default=None)
    stripe_status = Text(null=True, default=None)
    error_code = Text(null=True, default=None)
    error_message = Text(null=True, default=None)
    settled_at = Timestamptz(null=True, default=None)
