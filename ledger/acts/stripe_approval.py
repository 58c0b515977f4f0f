"""Stripe's approval: a call that its own people have to agree to first, kept and sealed until it has ended."""

from collections.abc import Mapping
from typing import Any

import msgspec

from axiru.database import row, rows
from axiru.domain.execution import StripeApproval
from axiru.domain.movement import Mode
from ledger.acts.chain import Act, act, json
from ledger.acts.settle import idempotency_key
from ledger.entry import EntrySigner


async def keep_approval(
    decision_id: str, asked: StripeApproval, *, organization_id: str, mode: Mode, signer: EntrySigner
) -> None:
    """Write down that Stripe asks its people before it makes the call; keeping it again changes nothing."""
    async with act(signer, organization_id, mode) as keeping:
        standing = await row("SELECT state FROM executions WHERE decision_id = {}", decision_id)
        if standing is None or standing["state"] != "calling":
            return
        _seal(keeping, decision_id, asked)
        await rows(
            "UPDATE executions SET state = 'requires_approval', stripe_approval = {}::jsonb WHERE decision_id = {}",
            json(asked),
            decision_id,
        )
        keeping.tell("execution", {"decision_id": decision_id, "state": "requires_approval"})


async def note_withdrawing(decision_id: str, asked: StripeApproval) -> None:
    """Before Stripe is told: a request that is then found cancelled was cancelled by us, and nobody refused it."""
    marked = msgspec.structs.replace(asked, withdrawing=True)
    await rows("UPDATE executions SET stripe_approval = {}::jsonb WHERE decision_id = {}", json(marked), decision_id)


async def note_status(decision_id: str, asked: StripeApproval, status: str) -> None:
    """What Stripe said of it last, for people to see."""
    if asked.status != status:
        marked = msgspec.structs.replace(asked, status=status)
        await rows(
            "UPDATE executions SET stripe_approval = {}::jsonb WHERE decision_id = {} AND state = 'requires_approval'",
            json(marked),
            decision_id,
        )


async def keep_withdrawal(
    decision_id: str, asked: StripeApproval, *, organization_id: str, mode: Mode, signer: EntrySigner
) -> None:
    """Stripe took the question back: nothing was called, nothing is under way, and permission is asked for anew.

    Under another idempotency key: with the first one Stripe would only repeat that it asks.
    """
    async with act(signer, organization_id, mode) as keeping:
        standing = await row("SELECT state, attempts FROM executions WHERE decision_id = {}", decision_id)
        if standing is None or standing["state"] != "requires_approval":
            return
        _seal(keeping, decision_id, msgspec.structs.replace(asked, status="withdrawn"))
        await rows(
            "UPDATE executions SET state = 'intended', stripe_approval = NULL, last_call_at = NULL, "
            "idempotency_key = {} WHERE decision_id = {}",
            f"{idempotency_key(decision_id)}:{standing['attempts'] + 1}",
            decision_id,
        )


def _seal(keeping: Act, decision_id: str, asked: StripeApproval) -> None:
    said: Mapping[str, Any] = msgspec.to_builtins(asked)
    keeping.seal("stripe_approval", {"decision_id": decision_id, "approval": said})
