"""Packets of evidence: a new version whenever what is known has changed, and what became of each."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.domain.dispute import ANSWERABLE, DisputeFacts
from axiru.domain.evidence import ChargeFacts, DecisionFacts, FactError, Packet, packet_of, total_error
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from ledger.acts.chain import Act, act, json
from ledger.entry import EntrySigner
from ledger.evidence_packets import PacketSources, StoredPacket, newest_packet

AXIRU = "axiru"
"""Who built a packet that nobody asked for."""


class DisputeUnknown(AxiruError):
    """There is no such dispute in this organization and mode."""

    code = "not_found"


class DisputeAnswered(AxiruError):
    """The dispute takes no evidence any more."""

    code = "conflict"


class TooMuchEvidence(AxiruError):
    """With the facts that were given before, this is more than Stripe takes."""

    code = "invalid_request"

    def __init__(self, error: FactError) -> None:
        super().__init__(error.message, field="facts")


class Built(NamedTuple):
    """The newest packet, and whether it was made just now."""

    packet: StoredPacket
    fresh: bool


async def build_packet(
    dispute_id: str, *, organization_id: str, mode: Mode, charge: ChargeFacts | None, signer: EntrySigner
) -> Built:
    """Build the packet from what is known now; a new version only if that is another one.

    `charge` is what Stripe says of the charge, None where it could not be read: the packet is degraded then, and the
    good ones before it stay. Raises DisputeUnknown and DisputeAnswered.
    """
    async with act(signer, organization_id, mode) as building:
        dispute = await _answerable(building, dispute_id)
        before = await newest_packet(organization_id, mode, dispute_id)
        facts = before.sources.facts if before else {}
        return await _build(building, dispute, before, charge, facts, AXIRU)


async def give_facts(
    dispute_id: str,
    given: Mapping[str, str | None],
    *,
    organization_id: str,
    mode: Mode,
    by: str,
    signer: EntrySigner,
) -> Built:
    """Build a packet with facts that a caller gives; null takes an earlier fact back, the others stay.

    What Stripe said of the charge stands as in the version before: this needs no Stripe. `by` is a member's or key's
    id. Raises DisputeUnknown, DisputeAnswered and TooMuchEvidence.
    """
    async with act(signer, organization_id, mode) as building:
        dispute = await _answerable(building, dispute_id)
        before = await newest_packet(organization_id, mode, dispute_id)
        merged = {**(before.sources.facts if before else {}), **given}
        facts = {name: text for name, text in merged.items() if text is not None}
        if (error := total_error(facts)) is not None:
            raise TooMuchEvidence(error)
        return await _build(building, dispute, before, before.sources.charge if before else None, facts, by)


async def note_staged(packet_id: str, *, organization_id: str, mode: Mode, signer: EntrySigner) -> None:
    """Seal that a packet lies on Stripe without being submitted; noting it again changes nothing."""
    async with act(signer, organization_id, mode) as noting:
        staged = await row(
            "UPDATE evidence_packets SET staged_at = {} WHERE id = {} AND organization_id = {} AND staged_at IS NULL "
            "RETURNING dispute_id, version, digest",
            *(noting.now, packet_id, organization_id),
        )
        if staged is None:
            return
        about = {"dispute_id": staged["dispute_id"], "packet_id": packet_id, "version": staged["version"]}
        noting.seal("evidence_staged", {**about, "digest": staged["digest"]})
        noting.tell("dispute", {**about, "state": "staged"})


async def note_submitted(settling: Act, decision_id: str, stripe_status: str | None) -> None:
    """Within the act that settles a decision to submit: which packet the bank has now, and on whose word."""
    submitted = await row(
        """
        UPDATE evidence_packets p SET submitted_at = {}, submitted_by_decision = {},
            submitted_degraded = r.ovt -> 'initiator' ->> 'kind' = {}
        FROM executions x JOIN requests r ON r.decision_id = x.decision_id
        WHERE x.decision_id = {} AND p.organization_id = x.organization_id
            AND p.id = x.call -> 'parameters' ->> 'packet'
        RETURNING p.id, p.dispute_id, p.version, p.digest, p.submitted_degraded
        """,
        *(settling.now, decision_id, AXIRU, decision_id),
    )
    if submitted is None:
        return
    await rows(
        "UPDATE disputes SET status = coalesce({}, status), submission_count = greatest(submission_count, 1) "
        "WHERE organization_id = {} AND mode = {} AND id = {}",
        *(stripe_status, settling.organization_id, settling.mode, submitted["dispute_id"]),
    )
    about = {
        "dispute_id": submitted["dispute_id"],
        "packet_id": submitted["id"],
        "version": submitted["version"],
        "decision_id": decision_id,
        "degraded": submitted["submitted_degraded"],
    }
    settling.seal("evidence_submitted", {**about, "digest": submitted["digest"]})
    settling.tell("dispute", {**about, "state": "submitted"})


async def _answerable(building: Act, dispute_id: str) -> DisputeFacts:
    found = await row(
        "SELECT * FROM disputes WHERE organization_id = {} AND mode = {} AND id = {}",
        *(building.organization_id, building.mode, dispute_id),
    )
    if found is None:
        raise DisputeUnknown("There is no such dispute.")
    dispute = msgspec.convert(found, DisputeFacts)
    if dispute.status not in ANSWERABLE:
        raise DisputeAnswered("This dispute takes no evidence any more.", state=dispute.status)
    return dispute


async def _build(
    building: Act,
    dispute: DisputeFacts,
    before: StoredPacket | None,
    charge: ChargeFacts | None,
    facts: Mapping[str, str],
    built_by: str,
) -> Built:
    decisions = await _decisions_about(building, dispute.charge)
    sources = PacketSources(charge, decisions, dict(facts))
    packet = packet_of(dispute, charge=charge, decisions=decisions, facts=facts)
    if before is not None and _same(before, packet) and before.sources.facts == sources.facts:
        return Built(before, fresh=False)
    stored = StoredPacket(
        id=ids.new_id(ids.EVIDENCE_PACKET),
        dispute_id=dispute.id,
        version=before.version + 1 if before else 1,
        evidence=packet.evidence,
        sources=sources,
        missing=packet.missing,
        digest=packet.digest,
        degraded=packet.degraded,
        built_by=built_by,
        built_at=building.now,
        staged_at=None,
        submitted_at=None,
        submitted_by_decision=None,
        submitted_degraded=False,
    )
    await _write(building, stored)
    return Built(stored, fresh=True)


async def _write(building: Act, packet: StoredPacket) -> None:
    """The evidence itself may name a customer; what is sealed of it is its digest."""
    about = {
        "dispute_id": packet.dispute_id,
        "packet_id": packet.id,
        "version": packet.version,
        "degraded": packet.degraded,
        "missing": list(packet.missing),
        "built_by": packet.built_by,
    }
    decision_ids = [one.decision_id for one in packet.sources.decisions]
    building.seal(
        "evidence_packet",
        {**about, "digest": packet.digest, "decision_ids": decision_ids},
    )
    await rows(
        """
        INSERT INTO evidence_packets (id, organization_id, mode, dispute_id, version, evidence, sources, missing,
            digest, degraded, built_by, built_at)
        VALUES ({}, {}, {}, {}, {}, {}::jsonb, {}::jsonb, {}, {}, {}, {}, {})
        """,
        *(packet.id, building.organization_id, building.mode, packet.dispute_id, packet.version),
        *(json(packet.evidence), json(packet.sources), list(packet.missing), packet.digest, packet.degraded),
        *(packet.built_by, packet.built_at),
    )
    building.tell("dispute", {**about, "state": "packet_built"})


def _same(before: StoredPacket, packet: Packet) -> bool:
    return (before.digest, before.degraded, before.missing) == (packet.digest, packet.degraded, packet.missing)


async def _decisions_about(building: Act, charge: str | None) -> tuple[DecisionFacts, ...]:
    """The movements asked for of this charge, the oldest first; not what was asked about the dispute itself."""
    if charge is None:
        return ()
    found = await rows(
        """
        SELECT d.id AS decision_id, d.rail_action AS action, d.amount_cents, d.currency, d.state, d.message,
            d.decided_at, x.stripe_object_id
        FROM decisions d LEFT JOIN executions x ON x.decision_id = d.id
        WHERE d.organization_id = {} AND d.mode = {} AND d.charge = {} AND d.rail_action <> 'dispute'
        ORDER BY d.decided_at, d.id
        """,
        *(building.organization_id, building.mode, charge),
    )
    return tuple(msgspec.convert(one, DecisionFacts) for one in found)
