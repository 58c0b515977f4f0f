"""The end of a dispute's time: people are told, and what was left unanswered by Axiru it answers by a decision."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, get_args

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.domain.control import forbidding
from axiru.domain.currency import exponent_of
from axiru.domain.dispute import ANSWERABLE
from axiru.domain.dispute_response import (
    WITHOUT_A_GOOD_PACKET,
    AskedAbout,
    Because,
    DisputeInput,
    DisputePlan,
    LastWord,
    Why,
    plan_of,
    why_alone,
)
from axiru.domain.movement import Amount, Context, Initiator, Merchant, Ovt, Target
from ledger.acts.chain import Act, act, json
from ledger.acts.evidence import AXIRU, DisputeUnknown
from ledger.acts.in_force import controls_in_force
from ledger.entry import EntrySigner, canonical_json
from ledger.evidence_packets import StoredPacket, last_good_packet, newest_packet, packets_of

ENDPOINT: Final = "dispute_response"
"""Which door a decision of Axiru's own came in by."""

Notice = Literal["due_soon", "past_due"]


async def read_plan(dispute: DisputeInput, lead: timedelta) -> DisputePlan:
    """Where the dispute stands and when something is to be done. Raises DisputeUnknown."""
    found = await _dispute(dispute)
    newest = await newest_packet(dispute.organization_id, dispute.mode, dispute.dispute_id)
    return plan_of(found["status"], found["evidence_due_by"], lead=lead, degraded=newest is None or newest.degraded)


async def give_dispute_notice(dispute: DisputeInput, notice: Notice, *, signer: EntrySigner) -> None:
    """Tell people of a deadline that is near or over, once; telling again changes nothing."""
    async with act(signer, dispute.organization_id, dispute.mode) as noticing:
        told = await row(
            "UPDATE disputes SET notices = notices || {} WHERE organization_id = {} AND mode = {} AND id = {} "
            "AND NOT {} = ANY(notices) RETURNING evidence_due_by, amount_cents, currency, reason",
            *([notice], dispute.organization_id, dispute.mode, dispute.dispute_id, notice),
        )
        if told is None:
            return
        due_by: datetime | None = told["evidence_due_by"]
        about = {
            "dispute_id": dispute.dispute_id,
            "evidence_due_by": due_by.isoformat() if due_by else None,
            "amount_cents": told["amount_cents"],
            "currency": told["currency"],
            "reason": told["reason"],
        }
        noticing.seal(f"dispute_{notice}", about)
        noticing.tell("dispute", {**about, "state": notice})


async def answer_alone(dispute: DisputeInput, lead: timedelta, *, signer: EntrySigner) -> LastWord:
    """Ask for a decision to submit the last good packet, if Axiru or its inputs let the dispute go unanswered.

    The decision is made as every other one: controls bind it and so do denials by policy, only reviews do not wait.
    Asking again while that decision is under way names none. Raises DisputeUnknown.
    """
    async with act(signer, dispute.organization_id, dispute.mode) as answering:
        found = await _dispute(dispute)
        packet = await last_good_packet(dispute.organization_id, dispute.mode, dispute.dispute_id)
        newest = await newest_packet(dispute.organization_id, dispute.mode, dispute.dispute_id)
        because = _too_early(found, packet, answering.now, lead)
        if because is not None or packet is None or newest is None:
            return LastWord(because=because or "no_packet")
        if not found["enforced"]:
            return LastWord(because="not_enforced")
        why = why_alone(await _asked_about(dispute), packet_degraded=newest.degraded)
        if why not in get_args(Why):
            return LastWord(because=msgspec.convert(why, Because))
        if why == "inputs_degraded" and not packet.evidence:
            # The bank takes one answer: an empty one that nobody asked for would take a person's last hours away.
            return LastWord(because="no_packet")
        decision_id = ids.new_id(ids.DECISION)
        ovt = _movement(decision_id, found, packet, await _context(dispute, found["reason"]))
        controls = await controls_in_force(dispute.organization_id, dispute.mode)
        if forbidding(controls, ovt, answering.now) is not None:
            return LastWord(because="control")
        await _ask(answering, decision_id, ovt)
        about = {
            "dispute_id": dispute.dispute_id,
            "decision_id": decision_id,
            "packet_id": packet.id,
            "version": packet.version,
            "why": why,
            "degraded": True,
        }
        answering.seal("dispute_answer", {**about, "digest": packet.digest})
        answering.tell("dispute", {**about, "state": "degraded"})
        return LastWord(decision_id)


class Staging(msgspec.Struct, frozen=True):
    """A packet to be laid on Stripe, and the fields that an earlier one may have left there."""

    packet: StoredPacket
    stripe_connection_id: str
    stripe_account_id: str
    evidence: dict[str, str]


async def to_stage(dispute: DisputeInput) -> Staging | None:
    """The last good packet, if it is not on Stripe yet and may be put there; staging submits nothing.

    Not in shadow, without the grant, under a control, or while a decision to submit is under way. Raises
    DisputeUnknown.
    """
    found = await _dispute(dispute)
    versions = await packets_of(dispute.organization_id, dispute.mode, dispute.dispute_id)
    packet = next((one for one in versions if not one.degraded), None)
    if packet is None or packet.staged_at is not None or not found["enforced"] or found["status"] not in ANSWERABLE:
        return None
    if why_alone(await _asked_about(dispute), packet_degraded=False) == "under_way":
        return None
    controls = await controls_in_force(dispute.organization_id, dispute.mode)
    if forbidding(controls, _movement("", found, packet, Context()), datetime.now(UTC)) is not None:
        return None
    left = dict.fromkeys((name for one in versions for name in one.evidence), "")
    return Staging(packet, found["stripe_connection_id"], found["stripe_account_id"], {**left, **packet.evidence})


async def unstarted(dispute: DisputeInput) -> str | None:
    """A decision of Axiru's own that was asked for and not made yet: its workflow may have been lost on the way."""
    found = await row(
        "SELECT r.decision_id FROM requests r LEFT JOIN decisions d ON d.id = r.decision_id "
        "WHERE r.organization_id = {} AND r.mode = {} AND r.ovt -> 'target' ->> 'dispute' = {} "
        "AND r.endpoint = {} AND d.id IS NULL",
        *(dispute.organization_id, dispute.mode, dispute.dispute_id, ENDPOINT),
    )
    return str(found["decision_id"]) if found else None


async def _dispute(dispute: DisputeInput) -> dict[str, Any]:
    """The dispute's row; `enforced` where its connection may submit evidence and Axiru stands in between."""
    found = await row(
        """
        SELECT p.*, c.status = 'active' AND 'dispute' = ANY(c.write_actions) AND coalesce((SELECT surface_mode
            FROM surfaces s WHERE s.organization_id = p.organization_id AND s.mode = p.mode AND s.rail = 'stripe'
                AND s.rail_action = 'dispute' AND s.stripe_connection_id IN ('', p.stripe_connection_id)
            ORDER BY s.stripe_connection_id DESC LIMIT 1), 'shadow') = 'enforce' AS enforced
        FROM disputes p JOIN stripe_connections c ON c.id = p.stripe_connection_id
        WHERE p.organization_id = {} AND p.mode = {} AND p.id = {}
        """,
        *(dispute.organization_id, dispute.mode, dispute.dispute_id),
    )
    if found is None:
        raise DisputeUnknown("There is no such dispute.")
    return found


def _too_early(found: dict[str, Any], packet: StoredPacket | None, now: datetime, lead: timedelta) -> Because | None:
    """Also never, for what is over or takes no answer. A packet that was never good is given more time."""
    due_by: datetime | None = found["evidence_due_by"]
    if found["status"] not in ANSWERABLE or due_by is None or now >= due_by:
        return "too_early"
    left = lead / WITHOUT_A_GOOD_PACKET if packet is None or packet.degraded else lead
    return "too_early" if now < due_by - left else None


async def _asked_about(dispute: DisputeInput) -> list[AskedAbout]:
    """What was asked for enforcement, the oldest first; what was only seen on Stripe asked nobody."""
    found = await rows(
        """
        SELECT d.state, r.endpoint = {} AS by_axiru, d.matched_rule LIKE 'control:%' AS by_control,
            r.endpoint = {} OR r.asked_at > clock_timestamp() - interval '1 minute' AS being_decided
        FROM requests r LEFT JOIN decisions d ON d.id = r.decision_id
        WHERE r.organization_id = {} AND r.mode = {} AND r.ovt -> 'target' ->> 'dispute' = {}
            AND r.ovt ->> 'rail_action' = 'dispute' AND r.observed_object_id IS NULL
            AND coalesce(r.ovt -> 'target' ->> 'dispute_action', 'submit_evidence') = 'submit_evidence'
            AND coalesce(d.surface_mode, 'enforce') = 'enforce'
        ORDER BY r.received_at, r.decision_id
        """,
        *(ENDPOINT, ENDPOINT, dispute.organization_id, dispute.mode, dispute.dispute_id),
    )
    return [msgspec.convert({**one, "by_control": bool(one["by_control"])}, AskedAbout) for one in found]


async def _context(dispute: DisputeInput, reason: str) -> Context:
    """What the last caller knew of the case: leaving it out could be a way past a rule."""
    found = await row(
        "SELECT ovt FROM requests WHERE organization_id = {} AND mode = {} AND ovt -> 'target' ->> 'dispute' = {} "
        "AND endpoint <> {} AND observed_object_id IS NULL ORDER BY received_at DESC LIMIT 1",
        *(dispute.organization_id, dispute.mode, dispute.dispute_id, ENDPOINT),
    )
    known = msgspec.json.decode(found["ovt"], type=Ovt).context if found else Context(reason_code=reason)
    extra = {**known.extra, "dispute_action": "submit_evidence"}
    return msgspec.structs.replace(known, source=ENDPOINT, extra=extra)


def _movement(decision_id: str, found: dict[str, Any], packet: StoredPacket, context: Context) -> Ovt:
    return Ovt(
        rail="stripe",
        rail_action="dispute",
        amount=Amount(str(found["amount_cents"]), found["currency"], exponent_of(found["currency"])),
        initiator=Initiator(AXIRU, AXIRU),
        idempotency_key=decision_id,
        merchant=Merchant(found["stripe_connection_id"], found["stripe_account_id"]),
        target=Target(
            charge=found["charge"],
            dispute=packet.dispute_id,
            dispute_action="submit_evidence",
            packet=packet.id,
            packet_digest=packet.digest,
        ),
        context=context,
        execute="axiru",
    )


async def _ask(answering: Act, decision_id: str, ovt: Ovt) -> None:
    """Record the request as intake does."""
    fingerprint = hashlib.sha256(canonical_json(msgspec.to_builtins(ovt))).hexdigest()
    await rows(
        """
        INSERT INTO requests (decision_id, organization_id, mode, endpoint, fingerprint, ovt, api_key_id, requested_by,
            received_at, asked_at)
        VALUES ({}, {}, {}, {}, {}, {}::jsonb, {}, {}, {}, {})
        """,
        *(decision_id, answering.organization_id, answering.mode, ENDPOINT, fingerprint, json(ovt), AXIRU, AXIRU),
        *(answering.now, answering.now),
    )
