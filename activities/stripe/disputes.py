"""Disputes: a packet of evidence submitted, or the dispute given up. https://docs.stripe.com/api/disputes"""

from datetime import UTC, datetime
from typing import cast

import stripe
from stripe.params import DisputeUpdateParams

from activities.stripe.operation import Sent, account_of, carries_mark, text_of, unfit, unfit_currency
from axiru.domain.dispute import ANSWERABLE, ENDED, DisputeFacts, dispute_facts
from axiru.domain.evidence import FIELDS, digest_of
from axiru.domain.execution import ExecutionResult, StripeCall
from axiru.domain.money import money_text
from ledger.evidence_packets import StoredPacket, read_packet


class SubmitEvidence:
    """`dispute`, `packet`, `digest`, `metadata`; found again by what the dispute says of its evidence.

    Nothing takes a submission back.
    """

    async def unfit(self, client: stripe.StripeClient, call: StripeCall) -> ExecutionResult | None:
        """The packet is not what was decided, or the dispute takes no evidence any more."""
        if await _packet_of(call) is None:
            return unfit("packet_altered", "The packet of evidence is not what was decided.")
        facts = dispute_facts((await _read(client, call)).to_dict())
        return _not_as_decided(facts, call) or _not_answerable(facts, datetime.now(UTC))

    async def find(self, client: stripe.StripeClient, sent: Sent) -> ExecutionResult | None:
        """Submitted, and marked as by this decision: Stripe takes both in one call."""
        dispute = await _read(client, sent.call)
        facts = dispute_facts(dispute.to_dict())
        submitted = facts.submission_count > 0 or facts.status not in ANSWERABLE
        return _done(dispute) if submitted and carries_mark(sent.call, dispute) else None

    async def make(
        self, client: stripe.StripeClient, call: StripeCall, options: stripe.RequestOptions
    ) -> ExecutionResult:
        packet = await _packet_of(call)
        if packet is None:
            return unfit("packet_altered", "The packet of evidence is not what was decided.")
        # Every text field: one left out would keep what lies on Stripe, which nobody decided on.
        evidence = {name: packet.evidence.get(name, "") for name in FIELDS}
        sent = {"evidence": evidence, "metadata": call.parameters["metadata"], "submit": True}
        dispute = await client.v1.disputes.update_async(
            text_of(call, "dispute"), cast(DisputeUpdateParams, sent), options
        )
        return _done(dispute)


class CloseDispute:
    """`dispute`; the customer keeps the money, and nothing takes that back."""

    async def unfit(self, client: stripe.StripeClient, call: StripeCall) -> ExecutionResult | None:
        facts = dispute_facts((await _read(client, call)).to_dict())
        if facts.status not in ANSWERABLE:
            return _not_answerable(facts, None)
        return _not_as_decided(facts, call)

    async def find(self, client: stripe.StripeClient, sent: Sent) -> ExecutionResult | None:
        """By its state: a closed dispute is closed, whoever did it."""
        dispute = await _read(client, sent.call)
        return _done(dispute) if dispute.status in {"lost", "warning_closed"} else None

    async def make(
        self, client: stripe.StripeClient, call: StripeCall, options: stripe.RequestOptions
    ) -> ExecutionResult:
        return _done(await client.v1.disputes.close_async(text_of(call, "dispute"), options=options))


async def _packet_of(call: StripeCall) -> StoredPacket | None:
    """The packet that the sealed call names, if its text is still what was sealed."""
    packet, digest = await read_packet(text_of(call, "packet")), text_of(call, "digest")
    if packet is None or packet.dispute_id != text_of(call, "dispute"):
        return None
    return packet if packet.digest == digest == digest_of(packet.evidence) else None


async def _read(client: stripe.StripeClient, call: StripeCall) -> stripe.Dispute:
    return await client.v1.disputes.retrieve_async(text_of(call, "dispute"), options=account_of(call))


def _not_as_decided(facts: DisputeFacts, call: StripeCall) -> ExecutionResult | None:
    other = unfit_currency(call, "dispute", facts.currency)
    if other is None and call.amount_cents is not None and facts.amount_cents != call.amount_cents:
        disputed = money_text(facts.amount_cents, facts.currency)
        return unfit("amount_mismatch", f"{disputed} is disputed now, which is not what was decided.")
    return other


def _not_answerable(facts: DisputeFacts, now: datetime | None) -> ExecutionResult | None:
    """Why Stripe would not take evidence; without `now`, whatever the deadline is."""
    if facts.status in ENDED:
        return unfit("dispute_closed", f"This dispute is closed: it is {facts.status.replace('_', ' ')}.")
    if facts.status not in ANSWERABLE:
        return unfit("evidence_already_submitted", "This dispute was answered already; the bank looks at it.")
    if now is not None and facts.evidence_due_by is not None and facts.evidence_due_by <= now:
        return unfit("evidence_past_due", f"Evidence was due by {facts.evidence_due_by:%Y-%m-%d %H:%M} UTC.")
    return None


def _done(dispute: stripe.Dispute) -> ExecutionResult:
    return ExecutionResult(True, dispute.id, dispute.status)
