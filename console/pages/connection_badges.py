"""What a connection is, at a glance: whether it works, in which mode, and whether it is the default."""

from axiru.domain.decision import SurfaceMode
from axiru.domain.movement import Mode
from console.components.badge import badge
from console.stripe_views import Connection
from console.stripe_words import MODE_LABELS, STATUS_LOOKS


def connection_badges(connection: Connection) -> None:
    look = STATUS_LOOKS[connection.status]
    badge(look.label, look.tone, look.icon)
    mode_badge(connection.mode)
    if connection.is_default:
        badge("Default", "neutral")


def mode_badge(mode: Mode) -> None:
    """Live money stands out, wherever both may stand."""
    badge(MODE_LABELS[mode], "waiting" if mode == "live" else "neutral")


def surface_badge(mode: SurfaceMode) -> None:
    if mode == "enforce":
        badge("Enforce", "done", "lock")
    else:
        badge("Shadow", "neutral", "eye")
