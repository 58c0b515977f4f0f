"""A rule's effect, and an outcome, as badges: word and icon beside the colour."""

from typing import Final

from nicegui.element import Element

from console.components.badge import Look, badge

_EFFECTS: Final = {
    "allow": Look("Allow", "check", "good"),
    "deny": Look("Deny", "cross", "bad"),
    "review": Look("Review", "clock", "waiting"),
    "flag": Look("Flag", "flag", "neutral"),
}


def effect_badge(effect: str) -> Element:
    """`allow`, `deny`, `review` or `flag`; one this console has no look for is shown as it is."""
    look = _EFFECTS.get(effect)
    return badge(look.label, look.tone, look.icon) if look else badge(effect, "neutral")
