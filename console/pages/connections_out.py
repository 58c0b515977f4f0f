"""Integrations: webhooks and Slack, and what went out through them and by e-mail."""

import asyncio
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from console.components.organization_tabs import organization_tabs
from console.components.secret_once import SecretOnce
from console.components.text import Text, block
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.following import Following
from console.pages.delivery_log import DeliveryLog
from console.pages.slack_installation import SlackPanel
from console.pages.webhook_endpoints import Endpoints
from console.sessions import Session
from console.theme import Frame, frame

WAITING_SECONDS: Final = 3.0
NEEDED_PERMISSION: Final = "webhooks"
_NOT_PERMITTED: Final = "Your role may not see integrations. Admins set them up."
_MAY_LET_VOTE: Final = "Admins set integrations up. You may let an endpoint vote for you."


def register(console: Console) -> None:
    @ui.page("/integrations", title="Integrations · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def integrations(request: Request) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        permitted = not session.permissions.isdisjoint({NEEDED_PERMISSION, "vote"})
        with frame(session, title="Integrations", here="organization", mode="test") as shell:
            organization_tabs("integrations")
            with block("div", "page-head"):
                Text("h1", "Integrations")
            page = IntegrationsPage(session, shell)
            if permitted:
                page.build()
            else:
                Text("p", _NOT_PERMITTED, "note")
        await shell.start()
        if permitted:
            await page.start()
        return None


class IntegrationsPage:
    """One open page of the doors that lead out."""

    def __init__(self, session: Session, shell: Frame) -> None:
        self._session = session
        self._shell = shell
        self._again: asyncio.TimerHandle | None = None
        self._admin = NEEDED_PERMISSION in session.permissions

    def build(self) -> None:
        if not self._admin:
            Text("p", _MAY_LET_VOTE, "muted page-note")
        with block("div", "panels"):
            self._secret = SecretOnce()
            self._endpoints = Endpoints(self._session, self._secret, self._read_again)
            if self._admin:
                self._slack = SlackPanel(self._session, self._read_again)
                self._log = DeliveryLog(self._session, self._read_again)

    async def start(self) -> None:
        self._following = Following(
            self._session,
            "test",
            read=self._read,
            # Whatever happens may send something: the log follows all of it.
            concerns=lambda _: True,
            problem=lambda sentence: self._shell.problem("integrations", sentence),
            shortest_interval_seconds=2.0,
        )
        await self._following.start()

    def _read_again(self) -> None:
        self._following.resync()

    async def _read(self) -> None:
        endpoints = (await self._session.outgoing.endpoints()).items
        self._endpoints.show(endpoints)
        if self._admin:
            members = (await self._session.people.members()).items
            await self._log.read(
                {endpoint.id: endpoint.description or endpoint.url for endpoint in endpoints}
                | {member.id: member.name for member in members}
            )
            self._slack.show(await self._session.outgoing.slack())
            self._look_again_while_waiting()

    def _look_again_while_waiting(self) -> None:
        """No event tells of an attempt: while one is to come, the log is read again by itself."""
        if self._again is not None:
            self._again.cancel()
        if self._log.waits:
            self._again = asyncio.get_running_loop().call_later(WAITING_SECONDS, self._following.resync)
