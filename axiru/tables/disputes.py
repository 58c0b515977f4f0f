"""Disputes as Stripe last told of them, and the evidence packets built for each."""

from piccolo.columns import JSONB, Array, BigInt, Boolean, Integer, Text, Timestamptz
from piccolo.table import Table


class Dispute(Table, tablename="disputes"):
    organization_id = Text()
    mode = Text()
    id = Text(primary_key=True)
    stripe_connection_id = Text()
    stripe_account_id = Text()
    charge = Text(null=True, default=None)
    amount_cents = BigInt()
    currency = Text()
    reason = Text()
    status = Text()
    evidence_due_by = Timestamptz(null=True, default=None)
    submission_count = Integer(default=0)
    opened_at = Timestamptz()
    updated_at = Timestamptz()
    notices = Array(base_column=Text(), default=[])


class EvidencePacket(Table, tablename="evidence_packets"):
    """One version of the evidence for a dispute. Its text never changes; when it was staged and submitted is added."""

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    dispute_id = Text()
    version = Integer()
    evidence = JSONB()
    sources = JSONB()
    missing = Array(base_column=Text())
    digest = Text()
    degraded = Boolean()
    built_by = Text()
    built_at = Timestamptz()
    staged_at = Timestamptz(null=True, default=None)
    submitted_at = Timestamptz(null=True, default=None)
    submitted_by_decision = Text(null=True, default=None)
    submitted_degraded = Boolean(default=False)
