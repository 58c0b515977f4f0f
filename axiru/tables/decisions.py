"""Requests as they came in, the decisions made of them, and the movements that budgets count."""

from piccolo.columns import JSONB, BigInt, Boolean, Numeric, Text, Timestamptz
from piccolo.table import Table


class IdempotencyKey(Table, tablename="idempotency_keys"):
    """Reserves a decision id for one (organization, mode, endpoint, key)."""

    organization_id = Text()
    mode = Text()
    endpoint = Text()
    key = Text()
    decision_id = Text(primary_key=True)
    fingerprint = Text()
    reserved_at = Timestamptz()


class Request(Table, tablename="requests"):
    """What was asked, before anything was decided. The workflow carries only its id.

    `observed_object_id` names the object on Stripe where nobody asked and the request was made of it.
    """

    decision_id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    endpoint = Text()
    fingerprint = Text()
    ovt = JSONB()
    api_key_id = Text()
    requested_by = Text()
    received_at = Timestamptz()
    asked_at = Timestamptz()
    observed_object_id = Text(null=True, default=None)


class Decision(Table, tablename="decisions"):
    """The present state of a decision. The ledger holds how it came about; this row is a projection of it."""

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    endpoint = Text()
    fingerprint = Text()
    state = Text()
    outcome = Text()
    reason = Text()
    message = Text()
    matched_rule = Text()
    matched_rule_id = Text(null=True, default=None)
    rule_kind = Text(null=True, default=None)
    policy_version = Text(null=True, default=None)
    policy_hash = Text(null=True, default=None)
    approver_role = Text(null=True, default=None)
    approval_id = Text(null=True, default=None)
    surface_mode = Text()
    execute = Text()
    advisory = JSONB(null=True, default=None)
    evaluation = JSONB()
    rail = Text()
    rail_action = Text()
    amount_cents = Numeric()
    currency = Text()
    stripe_connection_id = Text(null=True, default=None)
    charge = Text(null=True, default=None)
    customer_id = Text(null=True, default=None)
    initiator_id = Text()
    source = Text(null=True, default=None)
    requested_by = Text()
    bypass = Boolean(default=False)
    ledger_id = Text()
    seq = BigInt()
    received_at = Timestamptz()
    decided_at = Timestamptz()
    updated_at = Timestamptz()


class Movement(Table, tablename="movements"):
    """What a budget counts: reserved with the decision, committed by execution, released by denial, expiry or failure.

    Shadow and enforcement are counted apart.
    """

    decision_id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    surface_mode = Text()
    state = Text()
    rail = Text()
    rail_action = Text()
    asset = Text()
    units = Numeric()
    initiator_id = Text()
    counterparty_id = Text(null=True, default=None)
    customer_id = Text(null=True, default=None)
    merchant_id = Text(null=True, default=None)
    charge = Text(null=True, default=None)
    moved_at = Timestamptz()
    mandate = Text(null=True, default=None)
    presentation = Text(null=True, default=None)
