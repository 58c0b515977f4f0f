"""Controls: what stops money outside of policy, and whether one of them stops a given movement."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, assert_never

import msgspec

from axiru.domain.movement import Ovt, folded_agent, named_agents

ControlKind = Literal["kill_switch", "freeze", "hold", "mark_for_review"]
AppliesTo = Literal["test", "live", "both"]

FREEZE_REASONS: dict[str, str] = {
    "stripe_account_id": "merchant_frozen",
    "customer_id": "customer_frozen",
    "agent_id": "agent_frozen",
    "source": "source_frozen",
    "surface": "surface_frozen",
    "stripe_connection_id": "connection_frozen",
}
"""What a freeze may name, and the reason its denials give."""


class Control(msgspec.Struct, frozen=True):
    """A control in force, as decisions and executions read it."""

    id: str
    kind: ControlKind
    scope: dict[str, str]
    reason: str
    expires_at: datetime | None = None


class ControlHit(msgspec.Struct, frozen=True):
    """What forbids a movement outside of policy, and the snake_case reason the caller is given.

    A control, or the `agent` that asked or the `mandate` it showed, where they no longer give leave; the `policy` that
    leaves no room any more, or the `ledger`, which never permitted it.
    """

    control_id: str
    reason: str
    message: str
    kind: Literal["control", "agent", "mandate", "policy", "ledger"] = "control"

    @property
    def rule(self) -> str:
        """As `matched_rule` names it."""
        return f"{self.kind}:{self.control_id}"


class ControlReceipt(msgspec.Struct, frozen=True):
    """A control as it was sealed. `in_flight` are decisions whose call to Stripe was under way and did not settle."""

    control_id: str
    kind: ControlKind
    in_force: bool
    ledger_ids: tuple[str, ...]
    at: datetime
    in_flight: tuple[str, ...] = ()


def forbidding(
    controls: Iterable[Control], ovt: Ovt, now: datetime, decision_id: str | None = None
) -> ControlHit | None:
    """The control that forbids `ovt` at `now`; the kill switch is named before any freeze, older ones before newer.

    A hold forbids the decision it names until it is lifted: that its time is over gives no leave before.
    """
    in_force = (
        control
        for control in controls
        if control.kind == "hold" or control.expires_at is None or control.expires_at > now
    )
    for control in sorted(in_force, key=lambda control: (control.kind != "kill_switch", control.id)):
        reason = _reason(control, ovt, decision_id)
        if reason is not None:
            return ControlHit(control.id, reason, _message(reason, control, ovt))
    return None


def marked_for_review(controls: Iterable[Control], ovt: Ovt, now: datetime) -> bool:
    """Whether a mark in force names an account of `ovt`: a label that rules can read; it forbids nothing by itself."""
    accounts = {ovt.merchant.stripe_account_id, ovt.counterparty.stripe_account_id}
    return any(
        control.kind == "mark_for_review"
        and control.scope.get("stripe_account_id") in accounts - {None}
        and (control.expires_at is None or control.expires_at > now)
        for control in controls
    )


_MESSAGES = {
    "kill_switch_engaged": "The kill switch is engaged: no money moves until a person lifts it.",
    "merchant_frozen": "This connected account is frozen.",
    "customer_frozen": "Movements for this customer are frozen.",
    "agent_frozen": "This agent is frozen.",
    "source_frozen": "Requests from this source are frozen.",
    "surface_frozen": "This kind of movement is frozen.",
    "connection_frozen": "This Stripe connection is frozen.",
    "request_held": "This request is held: it waits until a person releases it.",
}


def _message(reason: str, control: Control, ovt: Ovt) -> str:
    asks = (ovt.initiator.id, *named_agents(ovt))
    if reason == "agent_frozen" and folded_agent(control.scope["agent_id"]) not in map(folded_agent, asks):
        return "An agent that this one has its authority from is frozen."
    return _MESSAGES[reason]


def _reason(control: Control, ovt: Ovt, decision_id: str | None) -> str | None:
    match control.kind:
        case "kill_switch":
            return "kill_switch_engaged"
        case "freeze":
            ((name, frozen),) = control.scope.items()
            named = _named_by(ovt)[name]
            if name == "agent_id":
                frozen, named = folded_agent(frozen), tuple(map(folded_agent, named))
            return FREEZE_REASONS[name] if frozen in named else None
        case "hold":
            return "request_held" if control.scope["decision_id"] == decision_id else None
        case "mark_for_review":
            return None
        case _:
            assert_never(control.kind)


def _named_by(ovt: Ovt) -> dict[str, tuple[Any, ...]]:
    return {
        "stripe_account_id": (ovt.merchant.stripe_account_id, ovt.counterparty.stripe_account_id),
        "customer_id": (ovt.context.customer_id,),
        # A key may ask for several agents, which it then names in what it adds to the request.
        # A freeze binds all that the agent passed its authority on to.
        "agent_id": (
            ovt.initiator.id,
            *named_agents(ovt),
            *ovt.initiator.lineage,
            *ovt.initiator.named_lineage,
        ),
        "source": (ovt.context.source,),
        "surface": (ovt.surface,),
        "stripe_connection_id": (ovt.merchant.stripe_connection_id,),
    }
