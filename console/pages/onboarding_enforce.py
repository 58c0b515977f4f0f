"""The last step: surfaces of the Stripe rail, one after the other, and what Axiru may execute itself."""

from collections.abc import Callable, Sequence
from functools import partial

from console.components.button import Button
from console.components.kept import Kept
from console.components.surface_dialog import SurfaceDialog
from console.components.text import Text, block, link
from console.onboarding_progress import Progress
from console.pages.connection_badges import surface_badge
from console.pages.policies import may_write
from console.pages.surface_panel import agreement
from console.sessions import Session
from console.stripe_views import Surface
from console.stripe_words import ACTION_NAMES, action_name, default_of


def executable(surfaces: Sequence[Surface]) -> list[Surface]:
    """The movements Axiru can make on Stripe, as they hold for all connections, the most frequent first."""
    general = {one.rail_action: one for one in surfaces if one.rail == "stripe" and one.stripe_connection_id is None}
    return [general[action] for action in ACTION_NAMES if action in general]


class EnforceStep:
    """The surfaces that hold for all connections; grants are given on a connection's own page."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._dialog = SurfaceDialog(session, changed)
        self._kept = Kept()

    def build(self) -> None:
        self._surfaces = block("ul", "step-list", aria_live="polite")
        self._grants = block("p", "muted")

    def show(self, progress: Progress, surfaces: Sequence[Surface]) -> None:
        general = executable(surfaces)
        connection = default_of(progress.connections)
        self._kept.show((general, connection), lambda: self._build(general, connection.id if connection else ""))

    def _build(self, surfaces: Sequence[Surface], connection_id: str) -> None:
        self._surfaces.clear()
        with self._surfaces:
            for surface in surfaces:
                self._row(surface)
        self._grants.clear()
        with self._grants:
            Text("span", "Your own code goes on calling Stripe, after asking. To let Axiru make the calls, ")
            link("grant it the action", f"/connectors/{connection_id}" if connection_id else "/connectors")
            Text("span", ".")

    def _row(self, surface: Surface) -> None:
        with block("li", "step-surface"):
            Text("strong", action_name(surface.rail_action))
            surface_badge(surface.surface_mode)
            with block("span", "step-agreement"):
                if surface.surface_mode == "shadow":
                    agreement(surface)
                elif surface.updated_by is not None:
                    Text("span", f"by {surface.updated_by.shown}", "muted")
            if may_write(self._session):
                label = "Enforce…" if surface.surface_mode == "shadow" else "Put in shadow…"
                button = Button(label, partial(self._ask, surface), "quiet")
                button.props["aria-label"] = f"{label} {surface.surface}"

    async def _ask(self, surface: Surface) -> None:
        self._dialog.ask(surface, over="all connections")
