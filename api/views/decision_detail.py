"""Everything about one decision: the request, the evidence, the people, the entries that seal it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from api.auth import Caller
from api.intake.vocabulary import OutcomeStyle, word
from api.views.approval import ApprovalView, find_approval
from api.views.authorization_token import TokenView, find_token
from api.views.decision import DecisionView, decision_view
from api.views.people import Person
from api.views.shadow import ShadowWord, shadow_words
from api.views.timeline import LedgerEntryView, TimelineEvent, entries_of, timeline_of
from api.views.undo import UndoView, undo_view
from axiru.database import row
from axiru.domain.authorization import AGENT_SURFACES
from axiru.domain.control import ControlHit
from axiru.domain.decision import FINAL_STATES
from axiru.domain.evaluation import Outcome
from ledger.acts.in_force import forbidden_now


class HeldBy(msgspec.Struct, frozen=True):
    """The hold on a decision. It ends when a person lifts it, soon after `expires_at`, or with the decision."""

    control_id: str
    reason: str
    engaged_by: Person | None
    engaged_at: datetime
    expires_at: datetime | None


class AgreementOfVersions(msgspec.Struct, frozen=True):
    """How many versions looked on, and whether all of them agree; null where none did."""

    compared: int
    agrees: bool | None


class PolicySnapshot(msgspec.Struct, frozen=True):
    """The version that decided, as it was then."""

    slug: str
    version: int
    content_hash: str


class DecisionDetail(DecisionView, frozen=True, kw_only=True):
    """`ovt` is the movement as it was read; `evaluation` holds the facts that rules read, every hit and every flag.

    It is null where no active policy covered the movement. `forbidden_by` is the control that forbids it now, as long
    as it is not final; a key is then told `denied`, as a repeated request would be.
    `undo` says whether what Axiru executed can be taken back, and how far that is.
    `held_by` is there while its state is `held`. `shadows` are the words of the versions that looked on, `agreement`
    says in short whether they agree with what counted. `policy` is the snapshot that decided, at
    `/api/v1/policy-snapshots/{content_hash}`; `token` is an authorization's.
    """

    ovt: dict[str, Any]
    evaluation: dict[str, Any] | None
    timeline: list[TimelineEvent]
    approval: ApprovalView | None
    ledger: list[LedgerEntryView]
    forbidden_by: ControlHit | None
    held_by: HeldBy | None
    undo: UndoView
    shadows: list[ShadowWord]
    agreement: AgreementOfVersions
    policy: PolicySnapshot | None
    fingerprint: str
    token: TokenView | None


async def decision_detail(found: Mapping[str, Any], caller: Caller, style: OutcomeStyle) -> DecisionDetail:
    """From a row of `find_decision`."""
    view = decision_view(found, style)
    # Of what was made without asking, nothing is left that a control could forbid.
    may_change = view.state not in FINAL_STATES and not view.bypass
    forbidden_by = await forbidden_now(view.decision_id) if may_change else None
    if forbidden_by is not None and caller.api_key_id is not None:
        view = msgspec.structs.replace(
            view,
            outcome=word(Outcome.DENY, style),
            reason=forbidden_by.reason,
            reason_code=forbidden_by.reason,
            message=forbidden_by.message,
            matched_rule=forbidden_by.rule,
        )
    request = await row("SELECT ovt FROM requests WHERE decision_id = {}", view.decision_id)
    entries = await entries_of(view.decision_id, found["organization_id"], view.mode)
    shadows = await shadow_words(view.decision_id, style)
    return DecisionDetail(
        **{name: getattr(view, name) for name in DecisionView.__struct_fields__},
        ovt=msgspec.json.decode(request["ovt"] if request else "{}"),
        evaluation=msgspec.json.decode(found["evaluation"]) or None,
        timeline=await timeline_of(view.received_at, view.requested_by, _asker(view), entries, bypass=view.bypass),
        approval=await find_approval(view.approval_id, caller) if view.approval_id else None,
        ledger=entries,
        forbidden_by=forbidden_by,
        held_by=await _held_by(view.decision_id) if view.state == "held" else None,
        undo=await undo_view(view.decision_id, view.execute),
        shadows=shadows,
        agreement=AgreementOfVersions(len(shadows), all(word.agrees for word in shadows) if shadows else None),
        policy=_policy(entries),
        fingerprint=found["fingerprint"],
        token=await find_token(view.decision_id, forbidden_by),
    )


def _asker(view: DecisionView) -> str:
    """Who asked, as people know it: an agent by its id, whoever's key it asked with."""
    if f"{view.rail}.{view.rail_action}" in AGENT_SURFACES:
        return view.initiator_id
    return view.source or view.requested_by.name


def _policy(entries: Sequence[LedgerEntryView]) -> PolicySnapshot | None:
    sealed = next((entry.body["data"].get("policy") for entry in entries if entry.kind == "decision"), None)
    return PolicySnapshot(sealed["slug"], sealed["version"], sealed["content_hash"]) if sealed else None


async def _held_by(decision_id: str) -> HeldBy | None:
    found = await row(
        """
        SELECT c.id, c.reason, c.engaged_by, m.name, c.engaged_at, c.expires_at FROM controls c
        LEFT JOIN members m ON m.id = c.engaged_by
        WHERE c.kind = 'hold' AND c.scope ->> 'decision_id' = {} AND c.lifted_at IS NULL
        """,
        decision_id,
    )
    if found is None:
        return None
    by = Person(found["engaged_by"], found["name"]) if found["engaged_by"] else None
    return HeldBy(found["id"], found["reason"], by, found["engaged_at"], found["expires_at"])
