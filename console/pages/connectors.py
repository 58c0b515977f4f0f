"""Connectors: the Stripe accounts Axiru is connected to, and which movements wait for its word."""

import asyncio
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from axiru.domain.movement import Mode
from console.components.badge import badge
from console.components.empty_state import empty_state
from console.components.icon import icon
from console.components.kept import Kept
from console.components.mode_switch import mode_switch
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.following import Following
from console.pages.bypass_alerts import BypassAlerts
from console.pages.connection_badges import connection_badges
from console.pages.surface_panel import SurfacePanel
from console.sessions import Session
from console.stripe_views import Connection, ConnectionAction, EventHealth
from console.stripe_words import NOT_PERMITTED, STATUS_SENTENCES, action_name, may_connect
from console.theme import Frame, frame

HEALTH_SECONDS: Final = 2.0
"""Events of Stripe arrive in bursts; how they stand need not be read for each."""


def register(console: Console) -> None:
    @ui.page("/connectors", title="Connectors · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def connectors(request: Request, mode: str = "", connected: str = "") -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        chosen: Mode = "live" if mode == "live" else "test"
        with frame(session, title="Connectors", here="connectors", mode=chosen) as shell:
            page = ConnectorsPage(session, shell, chosen, connected[:64])
            page.build()
        await shell.start()
        await page.start()
        return None


class ConnectorsPage:
    """All connections of one mode, and the surfaces that hold for every one of them."""

    def __init__(self, session: Session, shell: Frame, mode: Mode, connected: str) -> None:
        self._session = session
        self._shell = shell
        self._mode = mode
        self._connected = connected
        self._kept = Kept()

    def build(self) -> None:
        with block("div", "page-head"):
            with block("div"):
                Text("h1", "Connectors")
                with block("p", "sub"):
                    Text("span", "The Stripe accounts Axiru watches, and what it may do on them. ")
                    link("Set up step by step", f"/onboarding?mode={self._mode}")
            with block("div", "page-actions"):
                mode_switch(self._mode, "/connectors")
                if may_connect(self._session):
                    address = f"/onboarding/connect-stripe?mode={self._mode}"
                    link("Connect a Stripe account", address, "button button-primary")
        if not may_connect(self._session):
            Text("p", NOT_PERMITTED, "muted page-note")
        self._arrived = block("div")
        with block("div", "panels"):
            with block("section", "panel", aria_label="Connections"):
                Text("h2", "Connections")
                self._rows = block("ul", "rows", aria_live="polite")
            self._surfaces = SurfacePanel(self._session, self._read_again, over="all connections")
            self._alerts = BypassAlerts(self._session, self._read_again)

    async def start(self) -> None:
        self._following = Following(
            self._session,
            self._mode,
            read=self._read,
            concerns=lambda event: event.event in {"connection", "surface", "bypass", "dispute"},
            problem=lambda sentence: self._shell.problem("connectors", sentence),
            shortest_interval_seconds=HEALTH_SECONDS,
        )
        await self._following.start()

    def _read_again(self) -> None:
        self._following.resync()

    async def _read(self) -> None:
        connections, surfaces = await asyncio.gather(
            self._session.stripe.connections(self._mode), self._session.stripe.surfaces(self._mode)
        )
        self._kept.show(connections.items, lambda: self._build_rows(connections.items))
        self._alerts.show((await self._session.controls.organization()).bypass_alerts)
        self._surfaces.show([one for one in surfaces.items if one.stripe_connection_id is None])

    def _build_rows(self, connections: tuple[Connection, ...]) -> None:
        self._show_arrival(connections)
        self._rows.clear()
        with self._rows:
            for connection in connections:
                _row(connection)
            if not connections:
                with block("li"):
                    empty_state(
                        f"No account is connected in {self._mode} mode",
                        "Connect one to see its refunds, disputes, payouts and transfers; nothing is changed by that.",
                    )

    def _show_arrival(self, connections: tuple[Connection, ...]) -> None:
        arrived = next((one for one in connections if one.id == self._connected), None)
        if arrived is None:
            return
        self._arrived.clear()
        with self._arrived, block("div", "arrived", role="status"):
            icon("check-circle")
            with block("p"):
                Text("strong", f"{arrived.shown} is connected.")
                Text("span", f" Axiru reads its last 90 days now. {_bound(arrived)} ")
                link("Go on setting up", f"/onboarding?mode={arrived.mode}")


def _bound(connection: Connection) -> str:
    """What is enforced on it from the first moment, and what was granted before it came back."""
    names = [action_name(action).lower() for action in connection.enforcing]
    if not names:
        return "Nothing is enforced before you say so."
    granted = [action_name(each.action).lower() for each in connection.actions if each.granted]
    kept = f" Granted as before: {', '.join(granted)}." if granted else ""
    return f"Enforced on it: {', '.join(names)}.{kept}"


def _row(connection: Connection) -> None:
    with block("li", "connection"):
        with block("div", "row-head"):
            link(connection.shown, f"/connectors/{connection.id}")
            connection_badges(connection)
            with block("span", "row-end"):
                _last_event(connection)
        if connection.status != "active":
            Text("p", connection.status_reason or STATUS_SENTENCES[connection.status], "refusal")
        with block("p", "facts"):
            Text("code", connection.id)
            if connection.stripe_account_id:
                Text("code", connection.stripe_account_id)
            if connection.country:
                Text("span", connection.country)
            if connection.default_currency:
                Text("span", connection.default_currency.upper())
        if connection.status == "active":
            with block("p", "chips"):
                for action in connection.actions:
                    _action(action)
            _trouble(connection.events)


def _action(action: ConnectionAction) -> None:
    enforced = action.surface_mode == "enforce"
    with block("span", f"chip chip-action{' chip-enforced' if enforced else ''}"):
        icon("lock" if enforced else "eye")
        Text("span", f"{action_name(action.action)}: {action.surface_mode}")
        if action.granted:
            Text("span", "granted", "chip-granted")


def _last_event(connection: Connection) -> None:
    if connection.events.last_received_at is None:
        Text("span", "no event received yet")
        return
    Text("span", "last event ")
    Timestamp(connection.events.last_received_at, "distance")


def _trouble(events: EventHealth) -> None:
    if not events.failed and not events.missed_by_webhook:
        return
    with block("p", "chips"):
        if events.failed:
            badge(f"{events.failed:,} {'event' if events.failed == 1 else 'events'} failed", "failed", "alert")
        if events.missed_by_webhook:
            badge(f"{events.missed_by_webhook:,} missed by webhook", "waiting", "alert")
