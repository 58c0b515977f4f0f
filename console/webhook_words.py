"""The families of events that a webhook may ask for, and how a delivery stands, in words."""

from collections.abc import Mapping
from typing import Final

from console.components.badge import Look

FAMILIES: Final[Mapping[str, tuple[str, str]]] = {
    "*": ("Everything", "Whatever is added later, too."),
    "approval.*": ("Approvals", "Requested, votes, approved, denied, expired, reminders, escalations, comments."),
    "decision.*": ("Decisions", "Allowed, denied, held, waiting for approval, expired."),
    "execution.*": ("Executions", "Begun, done, failed."),
    "control.*": ("Controls", "Holds, freezes and the kill switch, engaged and lifted."),
    "breaker.*": ("Circuit breakers", "A breaker tripped."),
    "break_glass.*": ("Break-glass", "Asked for, used, withdrawn."),
    "member.*": ("Members", "Somebody was locked out."),
}
CHANNELS: Final[Mapping[str, str]] = {"": "All", "webhook": "Webhook", "slack": "Slack", "email": "E-mail"}
STATES: Final[Mapping[str, str]] = {
    "": "Any state",
    "pending": "Waiting",
    "delivered": "Delivered",
    "failed": "Given up",
}
STATE_LOOKS: Final[Mapping[str, Look]] = {
    "pending": Look("Waiting", "clock", "waiting"),
    "delivered": Look("Delivered", "check", "good"),
    "failed": Look("Given up", "alert", "failed"),
}


def family_text(subscription: str) -> str:
    """`Approvals` for `approval.*`; a single event by its own name."""
    return FAMILIES[subscription][0] if subscription in FAMILIES else subscription
