"""Everything about one decision: the request, the evidence, the people, the entries that seal it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from api.auth import Caller
from api.intake.vocabulary import OutcomeStyle
from api.views.approval import ApprovalView, find_approval
from api.views.decision import DecisionView, decision_view
from api.views.timeline import LedgerEntryView, TimelineEvent, entries_of, timeline_of
from axiru.database import row


class DecisionDetail(DecisionView, frozen=True, kw_only=True):
    """`ovt` is the movement as it was read; `evaluation` holds the facts that rules read, every hit and every flag.

    It is null where no active policy covered the movement.
    """

    ovt: dict[str, Any]
    evaluation: dict[str, Any] | None
    timeline: list[TimelineEvent]
    approval: ApprovalView | None
    ledger: list[LedgerEntryView]


async def decision_detail(found: Mapping[str, Any], caller: Caller, style: OutcomeStyle) -> DecisionDetail:
    """From a row of `find_decision`."""
    view = decision_view(found, style)
    request = await row("SELECT ovt FROM requests WHERE decision_id = {}", view.decision_id)
    entries = await entries_of(view.decision_id, found["organization_id"], view.mode)
    return DecisionDetail(
        **{name: getattr(view, name) for name in DecisionView.__struct_fields__},
        ovt=msgspec.json.decode(request["ovt"] if request else "{}"),
        evaluation=msgspec.json.decode(found["evaluation"]) or None,
        timeline=await timeline_of(view.received_at, view.requested_by, view.source, entries),
        approval=await find_approval(view.approval_id, caller) if view.approval_id else None,
        ledger=entries,
    )
