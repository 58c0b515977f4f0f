"""Reads packets of evidence: the one to send, all versions of one dispute, and what people are shown of one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from axiru.database import row, rows
from axiru.domain.evidence import FIELDS, ChargeFacts, DecisionFacts
from axiru.domain.movement import Mode


class PacketSources(msgspec.Struct, frozen=True):
    """What a packet was made of. `facts` are the caller's, and go on into every version after it."""

    charge: ChargeFacts | None
    decisions: tuple[DecisionFacts, ...]
    facts: dict[str, str]


class StoredPacket(msgspec.Struct, frozen=True):
    """One version of the evidence for a dispute."""

    id: str
    dispute_id: str
    version: int
    evidence: dict[str, str]
    sources: PacketSources
    missing: tuple[str, ...]
    digest: str
    degraded: bool
    built_by: str
    built_at: datetime
    staged_at: datetime | None
    submitted_at: datetime | None
    submitted_by_decision: str | None
    submitted_degraded: bool


_PACKETS = "SELECT * FROM evidence_packets WHERE organization_id = {} AND mode = {} AND dispute_id = {}"


async def last_good_packet(organization_id: str, mode: Mode, dispute_id: str) -> StoredPacket | None:
    """The newest version that is not degraded, or the newest at all where none is good: what is to be submitted."""
    found = await row(
        f"{_PACKETS} ORDER BY degraded, version DESC LIMIT 1",
        *(organization_id, mode, dispute_id),
    )
    return _packet(found) if found else None


async def newest_packet(organization_id: str, mode: Mode, dispute_id: str) -> StoredPacket | None:
    """The newest version, good or degraded."""
    found = await row(
        f"{_PACKETS} ORDER BY version DESC LIMIT 1",
        *(organization_id, mode, dispute_id),
    )
    return _packet(found) if found else None


async def packets_of(organization_id: str, mode: Mode, dispute_id: str) -> list[StoredPacket]:
    """Every version, the newest first."""
    found = await rows(
        f"{_PACKETS} ORDER BY version DESC",
        *(organization_id, mode, dispute_id),
    )
    return [_packet(one) for one in found]


async def read_packet(packet_id: str) -> StoredPacket | None:
    """The version of this id."""
    found = await row("SELECT * FROM evidence_packets WHERE id = {}", packet_id)
    return _packet(found) if found else None


async def packet_lines(packet_id: str) -> list[tuple[str, str]]:
    """A packet as approvers are shown it: every field's name and its whole text, in the order of Stripe's fields."""
    packet = await read_packet(packet_id)
    if packet is None:
        return []
    said = [(name.replace("_", " ").capitalize(), packet.evidence[name]) for name in FIELDS if name in packet.evidence]
    missing = ", ".join(name.replace("_", " ").replace("|", " or ") for name in packet.missing)
    about = f"version {packet.version}{', degraded' if packet.degraded else ''}, SHA-256 {packet.digest}"
    return [("Packet", about), *said, *([("Still missing", missing)] if missing else [])]


def _packet(found: Mapping[str, Any]) -> StoredPacket:
    read = {name: msgspec.json.decode(found[name]) for name in ("evidence", "sources")}
    return msgspec.convert({**found, **read}, StoredPacket)
