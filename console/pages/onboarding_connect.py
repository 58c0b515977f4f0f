"""The first step: a Stripe account to look at, or a file of its history where that is not wanted yet."""

from collections.abc import Callable
from urllib.parse import urlencode

from axiru.domain.movement import Mode
from console.components.file_drop import FileDrop
from console.components.icon import icon
from console.components.select_field import SelectField
from console.components.text import Text, block, link
from console.onboarding_progress import Progress
from console.pages.connection_badges import connection_badges
from console.pages.policies import NOT_PERMITTED as MAY_NOT_REPLAY
from console.pages.replays import first_choice
from console.sessions import Session
from console.stripe_views import Connection
from console.stripe_words import NOT_PERMITTED, may_connect


class ConnectStep:
    """Two ways in, side by side; once an account is connected, the account."""

    def __init__(self, session: Session, mode: Mode, policies: dict[str, str], started: Callable[[], None]) -> None:
        self._session = session
        self._mode = mode
        self._policies = policies
        self._started = started

    def build(self) -> None:
        self._connected = block("ul", "step-list")
        with block("details", "more ways-more", open="") as self._ways:
            with block("summary"):
                icon("chevron")
                Text("span", "Connect another account, or drop a file")
            self._build_ways()

    def _build_ways(self) -> None:
        with block("div", "two-panels ways"):
            with block("div", "way"):
                Text("h3", "Connect Stripe")
                Text(
                    "p",
                    f"Read-only to begin with, in {self._mode} mode. Stripe shows you what is asked for before you "
                    "agree, and you can take it back there at any time.",
                    "muted",
                )
                with block("div", "page-actions"):
                    if may_connect(self._session):
                        address = f"/onboarding/connect-stripe?mode={self._mode}"
                        self._button = link("Connect Stripe", address, "button button-primary")
                    else:
                        Text("p", NOT_PERMITTED, "muted")
            with block("div", "way"):
                Text("h3", "Or drop a file")
                self._build_drop()

    def _build_drop(self) -> None:
        if not self._policies:
            Text("p", MAY_NOT_REPLAY.replace("write them", "run replays"), "muted")
            return
        with block("div", "form"):
            self._policy = SelectField(
                "Judged by", self._policies, first_choice(self._policies), on_change=self._policy_chosen
            )
            self._drop = FileDrop(
                "Drop a CSV file here, or choose one",
                hint="Refunds, payments or balance reports, as Stripe exports them.",
                action=self._action(),
                accept=".csv,text/csv",
                on_started=lambda _: self._started(),
            )

    def _action(self) -> str:
        return f"/replays/files?{urlencode({'judge': self._policy.value, 'mode': self._mode})}"

    def _policy_chosen(self) -> None:
        self._drop.send_to(self._action())

    def show(self, progress: Progress) -> None:
        self._connected.clear()
        with self._connected:
            for connection in (*progress.connections, *progress.revoked):
                _connection(connection)
        if progress.connections:
            self._ways.props.pop("open", None)
        if progress.connections and may_connect(self._session):
            self._button.set_text("Connect another account")
            self._button.classes(replace="button button-plain")


def _connection(connection: Connection) -> None:
    with block("li", "row-head"):
        link(connection.shown, f"/connectors/{connection.id}")
        connection_badges(connection)
