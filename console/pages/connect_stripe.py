"""Connect with Stripe: which mode, what is asked for and why, what is never read; then Stripe asks."""

from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import context, ui

from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from console.carrying_out import carried_out
from console.components.button import Button
from console.components.icon import icon
from console.components.mode_switch import mode_switch
from console.components.text import Text, block, link
from console.connect_views import AskedPermission
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.pages.connection_badges import mode_badge
from console.sessions import Session
from console.stripe_words import NOT_PERMITTED, action_name, may_connect
from console.theme import frame

_NEVER_READ: Final = (
    "Card numbers, security codes or any other card data",
    "Bank account numbers or where a payout goes to",
    "Identity documents",
    "Payment links or your product catalogue",
)
_STEPS: Final = (
    "Stripe shows you the account and what is asked for. You agree or refuse there.",
    "You come back here, to the same browser. Axiru keeps the access encrypted and uses it on its servers only.",
    "Your last 90 days are replayed through policy. Nothing on Stripe is changed.",
)
_MODES: Final[dict[Mode, str]] = {
    "test": "Decisions here never touch real money. Connect live mode beside it whenever you like; keys, "
    "decisions and ledgers of the two stay apart.",
    "live": "Real payments. Axiru begins in shadow: it looks on and records what it would have done, until "
    "you enforce a kind of movement yourself.",
}


def register(console: Console) -> None:
    @ui.page("/onboarding/connect-stripe", title="Connect Stripe · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def connect_stripe(request: Request, mode: str = "") -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        chosen: Mode = "live" if mode == "live" else "test"
        try:
            asked = (await session.stripe.permissions()).permissions
        except AxiruError:
            asked = ()
        with frame(session, title="Connect Stripe", here="connectors", mode=chosen) as shell:
            ConnectPage(session, chosen, f"{console.settings.api_url}/permissions").build(asked)
        await shell.start()
        return None


class ConnectPage:
    """One choice and one button; everything else is what they mean."""

    def __init__(self, session: Session, mode: Mode, permissions_url: str) -> None:
        self._session = session
        self._mode = mode
        self._permissions_url = permissions_url
        self._client = context.client

    def build(self, asked: tuple[AskedPermission, ...]) -> None:
        with block("a", "back", href=f"/onboarding?mode={self._mode}"):
            icon("arrow-left")
            Text("span", "Set up")
        with block("div", "page-head"):
            Text("h1", "Connect with Stripe")
            mode_switch(self._mode, "/onboarding/connect-stripe")
        with block("div", "policy-page"):
            with block("div", "panels"):
                _asked(asked, self._permissions_url)
                _never_read()
            with (
                block("div", "panels"),
                block("section", "panel connect-panel", aria_label="Connect"),
                block("div", "panel-body"),
            ):
                with block("p"):
                    mode_badge(self._mode)
                Text("p", _MODES[self._mode])
                with block("ol", "plain-list"):
                    for sentence in _STEPS:
                        Text("li", sentence)
                if may_connect(self._session):
                    Button("Connect with Stripe", self._connect, "primary")
                else:
                    Text("p", NOT_PERMITTED, "muted")
                self._refusal = Text("p", "", "refusal")
                self._refusal.props["role"] = "alert"

    async def _connect(self) -> None:
        async def begin() -> None:
            install = await self._session.stripe.install(self._mode)
            self._client.open(install.url)

        await carried_out(self._session, begin, self._refusal.set_text)


def _asked(asked: tuple[AskedPermission, ...], address: str) -> None:
    with block("section", "panel", aria_label="What is asked for"):
        Text("h2", "What Stripe will ask you to allow")
        Text(
            "p",
            "Stripe gives an app all its permissions at once. Axiru uses what changes something only after you have "
            "enforced that kind of movement and granted it.",
            "muted panel-note",
        )
        with block("div", "panel-body"):
            if asked:
                _table(asked)
            else:
                Text("p", "The list cannot be read at the moment.", "muted")
            link("The same list, to pass on", address)


def _table(asked: tuple[AskedPermission, ...]) -> None:
    with block("table", "plain asked"):
        Text("caption", "Permissions asked for", "visually-hidden")
        with block("thead"), block("tr"):
            for heading in ("Permission", "Access", "Why, and when"):
                Text("th", heading).props["scope"] = "col"
        with block("tbody"):
            for one in asked:
                with block("tr"):
                    with block("td"):
                        Text("code", one.permission)
                        if one.action not in {None, "observe"}:
                            Text("span", action_name(one.action or ""), "muted")
                    Text("td", one.access.capitalize(), "asked-access")
                    with block("td", "asked-why"):
                        Text("span", one.why)
                        if one.when:
                            Text("span", one.when, "muted")


def _never_read() -> None:
    with block("section", "panel", aria_label="Never read"):
        Text("h2", "What Axiru never keeps")
        with block("ul", "panel-body never"):
            for what in _NEVER_READ:
                with block("li"):
                    icon("cross")
                    Text("span", what)
