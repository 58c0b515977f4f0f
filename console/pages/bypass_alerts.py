"""Who is told, and where, of a movement that was made on Stripe without asking Axiru."""

from collections.abc import Callable, Sequence
from typing import Final

from console.carrying_out import carried_out
from console.components.button import Button
from console.components.check_group import CheckGroup
from console.components.confirm_dialog import ConfirmDialog
from console.components.kept import Kept
from console.components.text import Text, block
from console.sessions import Session

NEEDED_PERMISSION: Final = "members"
CHANNELS: Final = {
    "console": ("Console", "Marked among the decisions, for everybody who has them open."),
    "slack": ("Slack", "In the channel for approvals."),
    "email": ("E-mail", "To controllers and admins."),
    "webhook": ("Webhook", "To endpoints that take bypasses, or everything."),
}


class BypassAlerts:
    """The panel, and the dialog in which an admin chooses."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._kept = Kept()
        self._chosen: Sequence[str] = ()
        self._dialog = ConfirmDialog("Who is told of a bypass", "Save", self._save, "primary")
        with self._dialog.content:
            Text("p", "Whatever you choose, it is decided in shadow, sealed, and found under Decisions, Bypass.")
            self._boxes = CheckGroup("Told by", CHANNELS)
        with block("section", "panel", aria_label="Bypass alerts"):
            with block("div", "panel-top"):
                Text("h2", "Bypass alerts")
                if NEEDED_PERMISSION in session.permissions:
                    Button("Change…", self._open)
            Text(
                "p",
                "A refund, payout or transfer seen on Stripe that never asked Axiru is flagged and told here:",
                "muted panel-note",
            )
            self._told = block("p", "panel-body chips")

    def show(self, chosen: Sequence[str]) -> None:
        self._chosen = chosen
        self._kept.show(chosen, lambda: self._build(chosen))

    def _build(self, chosen: Sequence[str]) -> None:
        self._told.clear()
        with self._told:
            for name in CHANNELS:
                if name in chosen:
                    Text("span", CHANNELS[name][0], "chip")
            if not chosen:
                Text("span", "nowhere", "absent")

    async def _open(self) -> None:
        self._boxes.choose(self._chosen)
        self._dialog.open()

    async def _save(self) -> None:
        save = self._session.controls.set_bypass_alerts
        if await carried_out(self._session, lambda: save(self._boxes.chosen), self._dialog.refuse):
            self._dialog.close()
            self._changed()
