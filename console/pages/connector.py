"""One connection: whether it works, what may be done with it, and how Stripe's news arrive."""

import asyncio
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from console.api_errors import ApiRefused
from console.components.code_value import code_value
from console.components.empty_state import empty_state
from console.components.icon import icon
from console.components.kept import Kept
from console.components.key_value import fact, key_value, key_values
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.event_stream import StreamEvent
from console.following import Following
from console.pages.connection_badges import connection_badges
from console.pages.connector_actions import ActionPanel
from console.pages.connector_buttons import ConnectorButtons
from console.pages.connector_events import EventLog
from console.pages.connector_health import Health
from console.sessions import Session
from console.stripe_views import Connection
from console.stripe_words import NOT_PERMITTED, STATUS_SENTENCES, may_connect
from console.theme import Frame, frame

HEALTH_SECONDS: Final = 2.0
LOOK_AGAIN_SECONDS: Final = 10.0


def register(console: Console) -> None:
    @ui.page("/connectors/{connection_id}", title="Connector · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def connector(request: Request, connection_id: str, state: str = "") -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        mode = await _mode_of(session, connection_id)
        with frame(session, title="Connector", here="connectors", mode=mode or "test") as shell:
            if mode is None:
                ui.context.client.status_code = 404
                empty_state("No such connection", "It may belong to another organization, or the address is mistyped.")
            else:
                page = ConnectorPage(session, shell, connection_id, mode)
                page.build(state)
        await shell.start()
        if mode is not None:
            await page.start()
        return None


async def _mode_of(session: Session, connection_id: str) -> Mode | None:
    """None when there is no such connection; test while the API is out of reach."""
    try:
        return (await session.stripe.connection(connection_id)).mode
    except ApiRefused as refusal:
        return None if refusal.status == 404 else "test"
    except AxiruError:
        return "test"


class ConnectorPage:
    """One open connection page, true until its tab is closed."""

    def __init__(self, session: Session, shell: Frame, connection_id: str, mode: Mode) -> None:
        self._session = session
        self._shell = shell
        self._connection_id = connection_id
        self._mode = mode
        self._head_kept, self._account_kept = Kept(), Kept()
        self._again: asyncio.TimerHandle | None = None

    def build(self, state: str) -> None:
        with block("a", "back", href=f"/connectors?mode={self._mode}"):
            icon("arrow-left")
            Text("span", "Connectors")
        with block("div", "page-head"):
            self._head = block("div")
            self._buttons = ConnectorButtons(self._session, self._read_again)
        self._trouble = block("div")
        with block("div", "policy-page connector-page actions-first"):
            with block("div", "panels"):
                self._actions = ActionPanel(self._session, self._read_again)
                self._log = EventLog(self._session, self._connection_id, self._mode, state, self._read_again)
            with block("div", "panels"):
                self._health = Health(self._session, self._connection_id, self._read_again)
                with block("section", "panel", aria_label="Account"):
                    Text("h2", "Account")
                    self._account = block("div", "panel-body")

    async def start(self) -> None:
        self._following = Following(
            self._session,
            self._mode,
            read=self._read,
            concerns=_concerns,
            problem=lambda sentence: self._shell.problem("connector", sentence),
            shortest_interval_seconds=HEALTH_SECONDS,
        )
        await self._following.start()

    def _read_again(self) -> None:
        self._following.resync()

    async def _read(self) -> None:
        connection, surfaces = await asyncio.gather(
            self._session.stripe.connection(self._connection_id), self._session.stripe.surfaces(self._mode)
        )
        self._head_kept.show(
            (connection.shown, connection.status, connection.is_default), lambda: self._top(connection)
        )
        self._account_kept.show(connection, lambda: self._show_account(connection))
        self._buttons.show(connection)
        self._actions.show(connection, surfaces.items)
        self._health.show(connection)
        await self._log.read()
        self._look_again_later()

    def _look_again_later(self) -> None:
        """Most of what Stripe tells belongs to what is known already, and is told to nobody."""
        if self._again is not None:
            self._again.cancel()
        self._again = asyncio.get_running_loop().call_later(LOOK_AGAIN_SECONDS, self._following.resync)

    def _top(self, connection: Connection) -> None:
        self._head.clear()
        with self._head:
            with block("h1", "version-title"):
                Text("span", connection.shown)
                connection_badges(connection)
            if not may_connect(self._session):
                Text("p", NOT_PERMITTED, "muted")
        self._trouble.clear()
        if connection.status != "active":
            with self._trouble, block("div", "flag forbidden trouble", role="status"):
                icon("alert")
                with block("p"):
                    Text("strong", connection.status_reason or "This connection is not in use.")
                    Text("span", f" {STATUS_SENTENCES[connection.status]} ")
                    if may_connect(self._session):
                        link("Connect again", f"/onboarding/connect-stripe?mode={connection.mode}")

    def _show_account(self, connection: Connection) -> None:
        self._account.clear()
        with self._account, key_values():
            with fact("Connection"):
                code_value(connection.id, "connection id")
            if connection.stripe_account_id:
                with fact("Stripe"):
                    code_value(connection.stripe_account_id, "Stripe account id")
            key_value("Country", connection.country)
            key_value("Currency", (connection.default_currency or "").upper())
            if connection.connected_at is not None:
                with fact("Connected"):
                    Timestamp(connection.connected_at)
            if connection.connected_by is not None:
                key_value("By", connection.connected_by.shown)
            if connection.status_changed_at is not None and connection.status != "active":
                with fact("Ended"):
                    Timestamp(connection.status_changed_at)
            if connection.token_expires_at is not None and connection.status == "active":
                with fact("Access"):
                    Text("span", "renewed by itself before ")
                    Timestamp(connection.token_expires_at)


def _concerns(event: StreamEvent) -> bool:
    return event.event in {"connection", "surface", "bypass", "dispute", "execution"}
