"""A decision's state as a badge: word, icon and tone, so that colour is never the only difference."""

from typing import Final, Literal, NamedTuple

from nicegui.element import Element

from axiru.domain.decision import DecisionState
from console.components.icon import IconName, icon
from console.components.text import Text, block
from console.views import DecisionView

Tone = Literal["good", "done", "bad", "failed", "waiting", "busy", "busy-still", "neutral"]


class Look(NamedTuple):
    """How a state is told: its word for people, its icon, its tone."""

    label: str
    icon: IconName
    tone: Tone


_LOOKS: Final[dict[DecisionState, Look]] = {
    "allowed": Look("Allowed", "check", "good"),
    "approved": Look("Approved", "check", "good"),
    "executing": Look("Executing", "spinner", "busy"),
    "executed": Look("Executed", "check-circle", "done"),
    "denied": Look("Denied", "cross", "bad"),
    "pending_approval": Look("Needs approval", "clock", "waiting"),
    "expired": Look("Expired", "clock", "neutral"),
    "held": Look("Held", "pause", "waiting"),
    "execution_failed": Look("Failed", "alert", "failed"),
}


def look_of(state: DecisionState) -> Look:
    """Every state has a look; a test holds the table against the domain's list."""
    return _LOOKS[state]


QUARANTINE: Final = Look("Quarantine", "eye", "neutral")
"""Instead of a state: in shadow nobody is asked about what an agent wants, and nobody has denied it."""

BYPASS: Final = Look("Bypass", "alert", "waiting")
"""Instead of a state: what never asked was neither allowed nor denied by anybody."""

UNDONE: Final = Look("Undone", "arrow-left", "neutral")
"""Beside the state, which stays: what was executed has been taken back since."""


def look_of_decision(decision: DecisionView) -> Look:
    """How a whole decision is told, where its state alone would mislead."""
    if decision.bypass:
        return BYPASS
    nobody_asked = decision.outcome == "review" and decision.approval_id is None
    if nobody_asked and decision.state == "denied" and decision.surface_mode == "shadow":
        return QUARANTINE
    return look_of(decision.state)


def state_badge(state: DecisionState) -> Element:
    look = look_of(state)
    return badge(look.label, look.tone, look.icon)


def look_badge(look: Look) -> Element:
    return badge(look.label, look.tone, look.icon)


def badge(label: str, tone: Tone, name: IconName | None = None) -> Element:
    with block("span", f"badge badge-{tone}") as element:
        if name is not None:
            icon(name)
        Text("span", label)
    return element
