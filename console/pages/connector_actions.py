"""What may be done with one connection, kind of movement by kind: its surface, Axiru's own grant, and the way back."""

from collections.abc import Callable, Sequence
from functools import partial

from console.components.badge import badge
from console.components.button import Button
from console.components.kept import Kept
from console.components.question import Question
from console.components.surface_dialog import SurfaceDialog
from console.components.text import Text, block
from console.pages.connection_badges import surface_badge
from console.pages.policies import may_write
from console.pages.surface_panel import agreement
from console.sessions import Session
from console.stripe_views import Agreement, Connection, ConnectionAction, Surface
from console.stripe_words import action_name, may_connect

RAIL = "stripe"


class ActionPanel:
    """The panel and its dialogs. A grant can be given only where the action is enforced."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._kept = Kept()
        self._surfaces = SurfaceDialog(session, changed)
        self._question = Question(session, changed)
        with block("section", "panel", aria_label="What Axiru may do"):
            Text("h2", "What Axiru may do")
            Text(
                "p",
                "Stripe gives an app all its permissions at once. Axiru uses one only after its action is enforced and "
                "granted here.",
                "muted panel-note",
            )
            self._rows = block("ul", "rows actions-list")

    def show(self, connection: Connection, surfaces: Sequence[Surface]) -> None:
        self._kept.show((connection, surfaces), lambda: self._build(connection, surfaces))

    def _build(self, connection: Connection, surfaces: Sequence[Surface]) -> None:
        self._rows.clear()
        with self._rows:
            for action in connection.actions:
                self._row(connection, action, surface_of(connection, action, surfaces))

    def _row(self, connection: Connection, action: ConnectionAction, surface: Surface) -> None:
        name = action_name(action.action)
        with block("li", "row-acts action-row", aria_label=name):
            with block("div", "row-head"):
                Text("strong", name)
                surface_badge(action.surface_mode)
                badge(*(("Granted", "good", "check") if action.granted else ("Not granted", "neutral", None)))
                if action.surface_mode == "shadow":
                    with block("span", "muted"):
                        Text("span", "live and shadow: ")
                        agreement(surface)
            if action.undo:
                with block("p", "undo-words"):
                    Text("span", "Undo: ", "muted")
                    Text("span", action.undo)
            if connection.status == "active":
                with block("div", "row-buttons"):
                    self._buttons(connection, action, surface)

    def _buttons(self, connection: Connection, action: ConnectionAction, surface: Surface) -> None:
        if may_write(self._session):
            label = "Enforce…" if action.surface_mode == "shadow" else "Put in shadow…"
            Button(label, partial(self._ask_surface, connection, surface), "quiet")
        if not may_connect(self._session):
            return
        if action.granted:
            Button("Take the grant back…", partial(self._ask_to_revoke, connection, action), "quiet")
        else:
            granting = Button("Grant…", partial(self._ask_to_grant, connection, action), "quiet")
            if action.surface_mode == "shadow":
                granting.block(True, "It is granted once its action is enforced.")

    async def _ask_surface(self, connection: Connection, surface: Surface) -> None:
        self._surfaces.ask(surface, over=f"over {connection.shown}")

    async def _ask_to_grant(self, connection: Connection, action: ConnectionAction) -> None:
        self._question.ask(
            f"Grant {action_name(action.action).lower()} on {connection.shown}",
            (
                "Axiru may then call Stripe itself for requests that ask it to, once policy or people allow them.",
                *((f"What can be undone: {action.undo}",) if action.undo else ()),
                *(("This is live money.",) if connection.mode == "live" else ()),
            ),
            "Grant",
            lambda reason: self._session.stripe.grant(connection.id, action.action, reason=reason),
            weight="primary",
            reason="required",
        )

    async def _ask_to_revoke(self, connection: Connection, action: ConnectionAction) -> None:
        self._question.ask(
            f"Take the grant for {action_name(action.action).lower()} back",
            (
                "Axiru makes no such call on this account any more, for what is approved already either.",
                "Decisions go on; callers who execute themselves are not concerned.",
            ),
            "Take it back",
            lambda _: self._session.stripe.revoke_grant(connection.id, action.action),
        )


def surface_of(connection: Connection, action: ConnectionAction, surfaces: Sequence[Surface]) -> Surface:
    """The connection's own surface for an action, made of what holds for all where it has none of its own yet."""
    name = f"{RAIL}.{action.action}"
    own = [one for one in surfaces if one.surface == name and one.stripe_connection_id == connection.id]
    general = [one for one in surfaces if one.surface == name and one.stripe_connection_id is None]
    known = next(iter(own or general), None)
    return Surface(
        surface=name,
        rail=RAIL,
        rail_action=action.action,
        mode=connection.mode,
        surface_mode=action.surface_mode,
        stripe_connection_id=connection.id,
        updated_at=known.updated_at if known else None,
        updated_by=known.updated_by if known else None,
        reason=known.reason if known else None,
        agreement=known.agreement if known else Agreement(),
    )
