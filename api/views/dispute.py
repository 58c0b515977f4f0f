"""Disputes and their packets of evidence, as people and callers see them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from api.errors import NotFound
from api.views.page import Cursor
from api.views.people import Person
from axiru.database import row, rows
from axiru.domain.dispute import ANSWERABLE, ENDED
from axiru.domain.evidence import wanted_for
from axiru.domain.movement import Mode
from ledger.acts.evidence import AXIRU
from ledger.evidence_packets import StoredPacket, last_good_packet, packets_of

DisputeState = Literal["open", "past_due", "answered", "closed"]


class PacketView(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the evidence. `last_good`: what a decision to submit, or Axiru alone, would send now.

    `facts` are what callers gave, `missing` the fields that would still help (`a|b` is either; `charge` could not be
    read). `evidence` fits Stripe's parameter of that name.
    """

    id: str
    dispute_id: str
    version: int
    evidence: dict[str, str]
    facts: dict[str, str]
    missing: Sequence[str]
    digest: str
    degraded: bool
    last_good: bool
    built_by: Person
    built_at: datetime
    decision_ids: Sequence[str]
    staged_at: datetime | None
    submitted_at: datetime | None
    submitted_by_decision: str | None
    submitted_degraded: bool


class DisputeView(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute as Stripe last told of it. `state` is ours: whether evidence can still be given, and if not, why."""

    id: str
    mode: Mode
    state: DisputeState
    status: str
    reason: str
    amount_cents: int
    currency: str
    charge: str | None
    stripe_connection_id: str
    stripe_account_id: str
    evidence_due_by: datetime | None
    submission_count: int
    opened_at: datetime
    updated_at: datetime
    packet_version: int | None
    degraded: bool | None
    staged: bool
    submitted: bool


class DisputeDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that was asked for about the dispute itself; `by_axiru`: before its deadline, by nobody else."""

    decision_id: str
    dispute_action: str
    state: str
    message: str
    by_axiru: bool
    decided_at: datetime


class DisputeDetail(DisputeView, frozen=True, kw_only=True):
    """With every version of its evidence, the newest first, and what was decided about it. `wanted` by its reason."""

    wanted: Sequence[str]
    packets: list[PacketView]
    decisions: list[DisputeDecision]


class DisputePage(msgspec.Struct, frozen=True):
    items: list[DisputeView]
    next_cursor: str | None


_SELECT: Final = """
SELECT p.*, newest.version AS packet_version, newest.degraded, coalesce(made.staged, false) AS staged,
    coalesce(made.submitted, false) AS submitted
FROM disputes p
LEFT JOIN LATERAL (SELECT version, degraded FROM evidence_packets e WHERE e.organization_id = p.organization_id
    AND e.mode = p.mode AND e.dispute_id = p.id ORDER BY version DESC LIMIT 1) newest ON true
LEFT JOIN LATERAL (SELECT bool_or(staged_at IS NOT NULL) AS staged, bool_or(submitted_at IS NOT NULL) AS submitted
    FROM evidence_packets e WHERE e.organization_id = p.organization_id AND e.mode = p.mode
    AND e.dispute_id = p.id) made ON true
WHERE p.organization_id = {}
"""

# The state as in `_state`, over rows; the order of its parts is that of the arguments below.
_IN_STATE: Final = """
CASE WHEN p.status = ANY({}::text[]) THEN 'closed' WHEN NOT p.status = ANY({}::text[]) THEN 'answered'
    WHEN p.evidence_due_by <= clock_timestamp() THEN 'past_due' ELSE 'open' END = {}
"""


async def find_disputes(
    organization_id: str, mode: Mode, state: DisputeState | None, *, limit: int, after: Cursor | None
) -> DisputePage:
    """Disputes of one mode, the last opened first."""
    found = await rows(
        f"{_SELECT} AND p.mode = {{}} AND ({{}}::text IS NULL OR {_IN_STATE}) "
        "AND ({}::timestamptz IS NULL OR (p.opened_at, p.id) < ({}, {})) ORDER BY p.opened_at DESC, p.id DESC LIMIT {}",
        *(organization_id, mode, state, list(ENDED), list(ANSWERABLE), state),
        *(after.at if after else None, after.at if after else None, after.id if after else ""),
        limit + 1,
    )
    shown = found[:limit]
    more = Cursor(shown[-1]["opened_at"], shown[-1]["id"]).text() if len(found) > limit else None
    return DisputePage([DisputeView(**_facts(one)) for one in shown], more)


async def find_dispute(dispute_id: str, organization_id: str, mode: Mode | None) -> DisputeDetail:
    """One dispute; `mode` None looks in both. Raises NotFound."""
    found = await row(
        f"{_SELECT} AND p.id = {{}} AND ({{}}::text IS NULL OR p.mode = {{}})",
        *(organization_id, dispute_id, mode, mode),
    )
    if found is None:
        raise NotFound
    return DisputeDetail(
        **_facts(found),
        wanted=wanted_for(found["reason"]),
        packets=await packet_views(await packets_of(organization_id, found["mode"], dispute_id)),
        decisions=await _decisions(organization_id, found["mode"], dispute_id),
    )


async def find_last_good(dispute_id: str, organization_id: str, mode: Mode | None) -> PacketView:
    """The version to be sent. Raises NotFound where there is no such dispute, or no packet of it yet."""
    found = await row(
        "SELECT mode FROM disputes WHERE organization_id = {} AND id = {} AND ({}::text IS NULL OR mode = {})",
        *(organization_id, dispute_id, mode, mode),
    )
    packet = await last_good_packet(organization_id, found["mode"], dispute_id) if found else None
    if packet is None:
        raise NotFound
    return (await packet_views([packet]))[0]


async def packet_views(packets: Sequence[StoredPacket]) -> list[PacketView]:
    """Versions of one dispute, the newest first and none of the newest left out."""
    names = await _names({packet.built_by for packet in packets})
    good = next((packet.id for packet in packets if not packet.degraded), packets[0].id if packets else None)
    return [
        PacketView(
            **{name: getattr(packet, name) for name in _SHOWN},
            facts=packet.sources.facts,
            decision_ids=[one.decision_id for one in packet.sources.decisions],
            last_good=packet.id == good,
            built_by=names[packet.built_by],
        )
        for packet in packets
    ]


_SHOWN: Final = (
    *("id", "dispute_id", "version", "evidence", "missing", "digest", "degraded", "built_at"),
    *("staged_at", "submitted_at", "submitted_by_decision", "submitted_degraded"),
)
_PLAIN: Final = (
    *("id", "mode", "status", "reason", "amount_cents", "currency", "charge", "stripe_connection_id"),
    *("stripe_account_id", "evidence_due_by", "submission_count", "opened_at", "updated_at", "packet_version"),
    *("degraded", "staged", "submitted"),
)


def _facts(found: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: found[name] for name in _PLAIN}, "state": _state(found)}


def _state(found: Mapping[str, Any]) -> DisputeState:
    if found["status"] in ENDED:
        return "closed"
    if found["status"] not in ANSWERABLE:
        return "answered"
    due_by = found["evidence_due_by"]
    return "past_due" if due_by is not None and due_by <= datetime.now(UTC) else "open"


async def _decisions(organization_id: str, mode: Mode, dispute_id: str) -> list[DisputeDecision]:
    found = await rows(
        """
        SELECT d.id AS decision_id, coalesce(r.ovt -> 'target' ->> 'dispute_action', 'submit_evidence')
            AS dispute_action, d.state, d.message, r.ovt -> 'initiator' ->> 'kind' = {} AS by_axiru, d.decided_at
        FROM requests r JOIN decisions d ON d.id = r.decision_id
        WHERE r.organization_id = {} AND r.mode = {} AND r.ovt -> 'target' ->> 'dispute' = {}
        ORDER BY d.decided_at DESC, d.id DESC
        """,
        *(AXIRU, organization_id, mode, dispute_id),
    )
    return [msgspec.convert(one, DisputeDecision) for one in found]


async def _names(ids: set[str]) -> dict[str, Person]:
    """Members and keys by their id; Axiru, which has none, by its own."""
    found = await rows(
        "SELECT id, name FROM members WHERE id = ANY({}::text[]) UNION ALL "
        "SELECT id, name FROM api_keys WHERE id = ANY({}::text[])",
        *(sorted(ids), sorted(ids)),
    )
    named = {one["id"]: Person(one["id"], one["name"]) for one in found}
    return {AXIRU: Person(AXIRU, "Axiru")} | {one: named.get(one, Person(one, one)) for one in ids - {AXIRU}}
