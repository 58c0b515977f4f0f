"""Disputes: what Stripe told of one, sealed with every change."""

from datetime import datetime

import msgspec

from axiru.database import row, rows
from axiru.domain.dispute import ENDED, DisputeFacts
from axiru.domain.movement import Mode
from ledger.acts.chain import act
from ledger.entry import EntrySigner


async def record_dispute(
    dispute: DisputeFacts,
    *,
    organization_id: str,
    mode: Mode,
    stripe_connection_id: str,
    stripe_account_id: str,
    signer: EntrySigner,
    as_of: datetime | None = None,
) -> bool:
    """Keep and seal what Stripe says of a dispute; returns whether that is new.

    `as_of` is when it was so, by Stripe's clock; what is older than what is known changes nothing. Without it, it was
    read just now. The packet of evidence is built behind this act, by `workflows/dispute_response.py`.
    """
    async with act(signer, organization_id, mode) as recording:
        known = await row(
            "SELECT * FROM disputes WHERE organization_id = {} AND mode = {} AND id = {}",
            *(organization_id, mode, dispute.id),
        )
        # Stripe's clock counts whole seconds.
        if known is not None and as_of is not None and as_of < known["updated_at"].replace(microsecond=0):
            return False
        if known is not None and msgspec.convert(known, DisputeFacts) == dispute:
            return False
        change = "opened" if known is None else "closed" if dispute.status in ENDED else "changed"
        about = {
            "dispute_id": dispute.id,
            "state": change,
            "status": dispute.status,
            "reason": dispute.reason,
            "charge": dispute.charge,
            "amount_cents": dispute.amount_cents,
            "currency": dispute.currency,
            "evidence_due_by": dispute.evidence_due_by.isoformat() if dispute.evidence_due_by else None,
        }
        recording.seal(
            "dispute",
            {
                **about,
                "stripe_connection_id": stripe_connection_id,
                "stripe_account_id": stripe_account_id,
                "submission_count": dispute.submission_count,
            },
        )
        await rows(
            """
            INSERT INTO disputes (organization_id, mode, id, stripe_connection_id, stripe_account_id, charge,
                amount_cents, currency, reason, status, evidence_due_by, submission_count, opened_at, updated_at)
            VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})
            ON CONFLICT (organization_id, mode, id) DO UPDATE SET charge = excluded.charge,
                amount_cents = excluded.amount_cents, currency = excluded.currency, reason = excluded.reason,
                status = excluded.status, evidence_due_by = excluded.evidence_due_by,
                submission_count = excluded.submission_count, updated_at = excluded.updated_at
            """,
            *(organization_id, mode, dispute.id, stripe_connection_id, stripe_account_id, dispute.charge),
            *(dispute.amount_cents, dispute.currency, dispute.reason, dispute.status, dispute.evidence_due_by),
            *(dispute.submission_count, dispute.opened_at, as_of or recording.now),
        )
        recording.tell("dispute", about)
        return True
