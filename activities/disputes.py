"""Disputes: what is known is read, made into a packet and laid on Stripe, behind every answer."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import stripe
import structlog
from stripe.params import DisputeUpdateParams
from temporalio import activity
from temporalio.client import Client

from activities.stripe_client import StripeClients, read_charge
from activities.sweep import ensure_workflow
from axiru.database import row
from axiru.domain.decision import MovementInput
from axiru.domain.dispute import ANSWERABLE
from axiru.domain.dispute_response import DisputeInput, DisputePlan, LastWord
from axiru.domain.evidence import ChargeFacts
from axiru.errors import AxiruError
from axiru.settings import Settings
from axiru.stripe_fields import kept
from ledger.acts.dispute_response import answer_alone, give_dispute_notice, read_plan, to_stage, unstarted
from ledger.acts.evidence import DisputeAnswered, build_packet, note_staged
from ledger.entry import EntrySigner

_PATIENCE_SECONDS: Final = 5.0
"""A Stripe that hangs must not keep a packet from being built of what else is known."""

_AWAY: Final = (stripe.StripeError, AxiruError, TimeoutError)
"""Stripe does not answer or refuses, or its connection is not there any more: the charge cannot be read."""

log = structlog.get_logger()


class DisputeResponses:
    """What the workflow of a dispute has done."""

    def __init__(self, settings: Settings, clients: StripeClients, signer: EntrySigner, temporal: Client) -> None:
        self._lead = timedelta(hours=settings.dispute_lead_hours)
        self._task_queue = settings.temporal_task_queue
        self._clients = clients
        self._signer = signer
        self._temporal = temporal

    @activity.defn(name="prepare_dispute_response")
    async def prepare(self, dispute: DisputeInput) -> DisputePlan:
        """Build the packet from what is known now and lay it on Stripe where that may be; returns what is due when."""
        plan = await read_plan(dispute, self._lead)
        if not plan.is_open:
            return plan
        try:
            await build_packet(
                dispute.dispute_id,
                organization_id=dispute.organization_id,
                mode=dispute.mode,
                charge=await self._charge(dispute),
                signer=self._signer,
            )
        except DisputeAnswered:
            return await read_plan(dispute, self._lead)
        if plan.due_at is None or datetime.now(UTC) < plan.due_at:
            await self._stage(dispute)
        return await read_plan(dispute, self._lead)

    @activity.defn(name="tell_dispute_due_soon")
    async def due_soon(self, dispute: DisputeInput) -> None:
        """Tell people that the deadline is near, once."""
        await give_dispute_notice(dispute, "due_soon", signer=self._signer)

    @activity.defn(name="tell_dispute_past_due")
    async def past_due(self, dispute: DisputeInput) -> None:
        """Tell people that the deadline is over, once."""
        await give_dispute_notice(dispute, "past_due", signer=self._signer)

    @activity.defn(name="answer_dispute_alone")
    async def answer(self, dispute: DisputeInput) -> LastWord:
        """Have a decision made to submit the last good packet, if this dispute was left unanswered by Axiru."""
        waiting = await unstarted(dispute)
        word = LastWord(waiting) if waiting else await answer_alone(dispute, self._lead, signer=self._signer)
        if word.decision_id is not None:
            movement = MovementInput(word.decision_id, dispute.organization_id, dispute.mode)
            await ensure_workflow(self._temporal, self._task_queue, movement)
        return word

    async def _charge(self, dispute: DisputeInput) -> ChargeFacts | None:
        """The disputed charge, cut down to what may be kept of it; None where it cannot be read."""
        found = await row(
            "SELECT charge, stripe_connection_id, stripe_account_id FROM disputes "
            "WHERE organization_id = {} AND mode = {} AND id = {} AND status = ANY({})",
            *(dispute.organization_id, dispute.mode, dispute.dispute_id, list(ANSWERABLE)),
        )
        if found is None or found["charge"] is None:
            return None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                client = await self._clients.of(found["stripe_connection_id"])
                account = found["stripe_account_id"]
                charge = await read_charge(client, found["charge"], None, stripe_account_id=account) if client else None
        except _AWAY as error:
            log.warning("dispute_charge_not_read", dispute_id=dispute.dispute_id, error=type(error).__name__)
            return None
        return _facts_of(charge) if charge is not None else None

    async def _stage(self, dispute: DisputeInput) -> None:
        """Best effort: what is not staged can be submitted all the same."""
        staging = await to_stage(dispute)
        if staging is None:
            return
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                client = await self._clients.of(staging.stripe_connection_id)
                if client is None:
                    return
                await client.v1.disputes.update_async(
                    dispute.dispute_id,
                    cast(DisputeUpdateParams, {"evidence": staging.evidence, "submit": False}),
                    {
                        "idempotency_key": f"axiru:{staging.packet.id}:stage",
                        "stripe_account": staging.stripe_account_id,
                    },
                )
        except _AWAY as error:
            log.warning("evidence_not_staged", dispute_id=dispute.dispute_id, error=type(error).__name__)
            return
        await note_staged(
            staging.packet.id, organization_id=dispute.organization_id, mode=dispute.mode, signer=self._signer
        )


def _facts_of(charge: stripe.Charge) -> ChargeFacts:
    """Raises KeyError for a charge without what every charge has."""
    found = kept("charge", charge.to_dict())
    return ChargeFacts(
        id=found["id"],
        amount_cents=found["amount"],
        currency=found["currency"],
        amount_refunded_cents=found.get("amount_refunded", 0),
        created_at=datetime.fromtimestamp(found["created"], UTC),
        risk_level=found.get("outcome", {}).get("risk_level"),
    )
