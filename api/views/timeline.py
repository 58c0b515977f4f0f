"""What happened to a decision, told from its ledger entries: nothing is shown that is not sealed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from api.views.people import Person, people
from axiru.database import rows
from axiru.domain.movement import Mode
from ledger.entry import ledger_id, parse_body


class LedgerEntryView(msgspec.Struct, frozen=True):
    """One sealed entry; hashes and signature in hex, the body as it was hashed."""

    seq: int
    kind: str
    ledger_id: str
    sealed_at: datetime
    prev_hash: str
    entry_hash: str
    signature: str
    body: dict[str, Any]


class TimelineEvent(msgspec.Struct, frozen=True):
    """One step; `seq` and `ledger_id` are null for the request itself, which the decision's entry contains."""

    at: datetime
    kind: str
    actor: Person | None
    summary: str
    seq: int | None = None
    ledger_id: str | None = None


async def entries_of(decision_id: str, organization_id: str, mode: Mode) -> list[LedgerEntryView]:
    """Every entry that belongs to one decision, in the order of its chain."""
    found = await rows(
        """
        SELECT seq, kind, sealed_at, prev_hash, entry_hash, signature, body FROM ledger_entries
        WHERE decision_id = {} AND organization_id = {} AND mode = {} ORDER BY seq
        """,
        decision_id,
        organization_id,
        mode,
    )
    return [
        LedgerEntryView(
            entry["seq"],
            entry["kind"],
            ledger_id(bytes(entry["entry_hash"])),
            entry["sealed_at"],
            bytes(entry["prev_hash"]).hex(),
            bytes(entry["entry_hash"]).hex(),
            bytes(entry["signature"]).hex(),
            msgspec.to_builtins(parse_body(bytes(entry["body"]))),
        )
        for entry in found
    ]


async def timeline_of(
    received_at: datetime, requested_by: Person, asker: str, entries: Sequence[LedgerEntryView], *, bypass: bool
) -> list[TimelineEvent]:
    """From the request, or from what was made without one, to the last entry."""
    named = await people(set(_members_in(entries)))
    asked = TimelineEvent(received_at, "requested", requested_by, f"Asked by {asker}")
    if bypass:
        asked = TimelineEvent(received_at, "made", None, "Made on Stripe, without asking")
    return [asked, *(_event(entry, named) for entry in entries)]


def _members_in(entries: Iterable[LedgerEntryView]) -> Iterable[str]:
    return (member for entry in entries if isinstance(member := entry.body["data"].get("member_id"), str))


def _event(entry: LedgerEntryView, named: Mapping[str, Person]) -> TimelineEvent:
    data = entry.body["data"]
    actor = named.get(data.get("member_id", ""))
    return TimelineEvent(
        entry.sealed_at, entry.kind, actor, _summary(entry.kind, data, actor), entry.seq, entry.ledger_id
    )


def _summary(kind: str, data: Mapping[str, Any], actor: Person | None) -> str:
    told = _SUMMARIES.get(kind)
    return told(data, actor.name if actor else "A member") if told else kind.replace("_", " ").capitalize()


def _decided(data: Mapping[str, Any], _: str) -> str:
    said = f"Decided: {data.get('message') or data.get('reason')}"
    return f"{said.rstrip('.')}; a token was issued" if data.get("token") else said


def _token_settled(data: Mapping[str, Any], _: str) -> str:
    if data["settlement"] == "failed":
        return "Nothing was moved; what was reserved is free again"
    all_of_it = data["units"] == data["reserved_units"]
    return "All of it was moved" if all_of_it else f"{data['units']} units of {data['reserved_units']} were moved"


def _voted(data: Mapping[str, Any], who: str) -> str:
    verb = "approved" if data.get("verdict") == "approve" else "denied"
    return f"{who} {verb}: {data['reason']}" if data.get("reason") else f"{who} {verb}"


def _executed(data: Mapping[str, Any], _: str) -> str:
    if data.get("succeeded"):
        return f"Executed on Stripe: {data.get('stripe_object_id')}"
    return f"Not executed: {data.get('error_message') or data.get('error_code')}"


def _controlled(data: Mapping[str, Any], who: str) -> str:
    if data["action"] == "engage":
        return f"{who} put it on hold: {data['reason']}"
    by = f"{who} released it" if data["member_id"] else "The hold ended"
    return f"{by}: {data['reason']}" if data["reason"] else by


def _said(data: Mapping[str, Any], who: str) -> str:
    # What was said is personal and can be erased; the entry has a commitment to it.
    return f"{who} {_SPEAKING.get(data['kind'], 'commented')}"


def _assigned(data: Mapping[str, Any], who: str) -> str:
    return f"{who} assigned the approval" if data.get("assignee_id") else f"{who} assigned the approval to nobody"


def _broke_glass(data: Mapping[str, Any], who: str) -> str:
    match data["state"], data["alone"]:
        case "used", True:
            did = "broke the glass alone"
        case "used", False:
            did = "confirmed breaking the glass"
        case "withdrawn", _:
            did = "no longer asks to break the glass"
        case _:
            did = "asked to break the glass"
    return f"{who} {did}: {data['reason']}" if data["reason"] else f"{who} {did}"


def _undoing(data: Mapping[str, Any], who: str) -> str:
    return f"{who} asked to take it back: {data['reason']}"


def _undone(data: Mapping[str, Any], _: str) -> str:
    if data["state"] == "succeeded":
        return f"Taken back on Stripe: {data['operation']}, {data['stripe_object_id']}"
    return f"Not taken back: {data['error_message'] or data['error_code']}"


_SPEAKING: Final = {"question": "asked for information", "answer": "answered", "comment": "commented"}
_SUMMARIES: Final[Mapping[str, Callable[[Mapping[str, Any], str], str]]] = {
    "decision": _decided,
    "token": lambda data, _: f"Token issued: {data['token']['jti']}",
    "token_consumed": lambda data, _: f"Token used: {data['jti']}",
    "token_settled": _token_settled,
    "vote": _voted,
    "approval_expired": lambda _data, _: "Nobody decided in time; expiry denies",
    "execution_intent": lambda _data, _: "The call to Stripe was written down before it was made",
    "execution": _executed,
    "control": _controlled,
    "approval_comment": _said,
    "approval_assigned": _assigned,
    "break_glass": _broke_glass,
    "payment_context": lambda _data, _: "Stripe was asked about the payment",
    "approval_reminder": lambda _data, _: "Approvers were reminded",
    "approval_escalated": lambda data, _: f"Nobody decided yet; {data['role']} may stand in from now on",
    "undo_intent": _undoing,
    "undo": _undone,
    "bypass": lambda data, _: f"Seen on Stripe without ever having asked: {data['why']}",
    "observation": lambda data, _: f"Seen on Stripe: {data['stripe_object_id']}, {data['stripe_status'] or 'made'}",
    "dispute_answer": lambda data, _: (
        f"Axiru asked by itself, because the deadline comes first ({data['why'].replace('_', ' ')}): "
        f"the last good packet, version {data['version']}"
    ),
    "evidence_submitted": lambda data, _: f"The evidence is with the bank: version {data['version']}",
}
