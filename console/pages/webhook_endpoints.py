"""Webhook endpoints: where messages go, which, signed with what; and whose votes they may send back."""

from collections.abc import Callable, Sequence
from functools import partial

from console.components.badge import badge
from console.components.button import Button
from console.components.empty_state import empty_state
from console.components.question import Question
from console.components.secret_once import SecretOnce
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.components.wording import MODE_NAMES
from console.outgoing_views import Endpoint
from console.pages.webhook_form import WebhookForm
from console.sessions import Session
from console.webhook_words import family_text

KEPT_HOURS = 24


class Endpoints:
    """The panel and its dialogs."""

    def __init__(self, session: Session, secret: SecretOnce, changed: Callable[[], None]) -> None:
        self._session = session
        self._secret = secret
        self._admin = "webhooks" in session.permissions
        self._voter = "vote" in session.permissions
        self._shown: Sequence[Endpoint] | None = None
        self._question = Question(session, changed)
        self._form = WebhookForm(session, made=self._made, changed=changed)
        with block("section", "panel", aria_label="Webhooks"):
            with block("div", "panel-top"):
                Text("h2", "Webhooks")
                if self._admin:
                    Button("New endpoint…", self._make, "primary")
            Text("p", "What happens here is sent to your own systems, signed by Standard Webhooks.", "muted panel-note")
            self._rows = block("ul", "rows")

    def show(self, endpoints: Sequence[Endpoint]) -> None:
        if endpoints == self._shown:
            return
        self._shown = endpoints
        self._rows.clear()
        with self._rows:
            for endpoint in endpoints:
                self._row(endpoint)
            if not endpoints:
                with block("li"):
                    empty_state("No endpoint yet", "Add the address of a system that should be told.")

    def _row(self, endpoint: Endpoint) -> None:
        disabled = endpoint.disabled_at is not None
        with block("li", "row-acts row-off" if disabled else "row-acts"):
            with block("div", "row-head"):
                Text("strong", endpoint.description or "Endpoint")
                badge(
                    MODE_NAMES.get(endpoint.mode, endpoint.mode).capitalize(),
                    "waiting" if endpoint.mode == "live" else "neutral",
                )
                if disabled:
                    badge("Disabled", "neutral", "pause")
            Text("code", endpoint.url, "sub")
            with block("p", "chips"):
                for event in endpoint.events:
                    Text("span", family_text(event), "chip")
            with block("p", "facts"):
                if endpoint.votes_as is not None:
                    Text("span", f"may vote as {endpoint.votes_as.shown}")
                if endpoint.previous_secret_until is not None:
                    with block("span"):
                        Text("span", "the previous secret signs, too, until ")
                        Timestamp(endpoint.previous_secret_until)
            with block("div", "row-buttons"):
                self._buttons(endpoint)

    def _buttons(self, endpoint: Endpoint) -> None:
        enabled = endpoint.disabled_at is None
        if self._admin:
            if enabled:
                Button("Send a test", partial(self._ping, endpoint), "quiet")
            Button("Change…", partial(self._change, endpoint), "quiet")
            Button("Rotate…", partial(self._ask_to_rotate, endpoint), "quiet")
        if endpoint.votes_as is not None and endpoint.votes_as.id == self._session.member.id:
            Button("Let it vote no more…", partial(self._ask_to_end_votes, endpoint), "quiet")
        elif self._voter:
            Button("Let it vote for me…", partial(self._ask_to_let_vote, endpoint), "quiet")
        if self._admin:
            if enabled:
                Button("Disable…", partial(self._ask_to_disable, endpoint), "quiet")
            else:
                Button("Enable…", partial(self._ask_to_enable, endpoint), "quiet")
            Button("Remove…", partial(self._ask_to_remove, endpoint), "quiet")

    async def _make(self) -> None:
        self._form.open(None)

    async def _change(self, endpoint: Endpoint) -> None:
        self._form.open(endpoint)

    def _made(self, secret: str) -> None:
        self._secret.show(
            "The endpoint's secret",
            secret,
            "secret",
            "Your system checks every message's signature with it. It is not shown again; rotate it if it is lost.",
        )

    async def _ping(self, endpoint: Endpoint) -> None:
        self._question.ask(
            "Send a test",
            (f"A signed message “ping” goes to {endpoint.url}. How it went shows among the deliveries.",),
            "Send it",
            lambda _: self._session.outgoing.ping(endpoint.id),
            weight="primary",
        )

    async def _ask_to_rotate(self, endpoint: Endpoint) -> None:
        async def rotate(_: str) -> None:
            answer = await self._session.outgoing.rotate_secret(endpoint.id, keep_previous_hours=KEPT_HOURS)
            self._made(answer.secret)

        votes_as = endpoint.votes_as
        others = votes_as is not None and votes_as.id != self._session.member.id
        self._question.ask(
            "Rotate the secret",
            (
                f"Messages are signed with both secrets for {KEPT_HOURS} hours, then with the new one alone.",
                "The new secret is shown once.",
                *((f"It votes as {votes_as.shown} no more: they let it again.",) if votes_as and others else ()),
            ),
            "Rotate it",
            rotate,
            weight="primary",
        )

    async def _ask_to_let_vote(self, endpoint: Endpoint) -> None:
        async def let_vote(_: str) -> None:
            answer = await self._session.outgoing.rotate_secret(
                endpoint.id, keep_previous_hours=KEPT_HOURS, votes_as_me=True
            )
            self._made(answer.secret)

        self._question.ask(
            "Let the endpoint vote for you",
            (
                "Whoever holds its secret approves and denies in your name. What you, your keys or your agents asked "
                "for stays out of its reach, as it is out of yours.",
                "The secret is rotated, and only you are shown the new one. You can end it at any time.",
            ),
            "Rotate, and let it vote",
            let_vote,
        )

    async def _ask_to_end_votes(self, endpoint: Endpoint) -> None:
        self._question.ask(
            "Let the endpoint vote no more",
            ("No vote of yours is taken from it from now on. Messages go to it as before.",),
            "End it",
            lambda _: self._session.outgoing.change_endpoint(endpoint.id, {"votes_as_me": False}),
            weight="primary",
        )

    async def _ask_to_disable(self, endpoint: Endpoint) -> None:
        self._question.ask(
            "Disable the endpoint",
            (f"Nothing is sent to {endpoint.url}, and no vote is taken from it, until it is enabled again.",),
            "Disable it",
            lambda _: self._session.outgoing.change_endpoint(endpoint.id, {"enabled": False}),
        )

    async def _ask_to_enable(self, endpoint: Endpoint) -> None:
        self._question.ask(
            "Enable the endpoint",
            (f"What happens from now on is sent to {endpoint.url} again.",),
            "Enable it",
            lambda _: self._session.outgoing.change_endpoint(endpoint.id, {"enabled": True}),
            weight="primary",
        )

    async def _ask_to_remove(self, endpoint: Endpoint) -> None:
        self._question.ask(
            "Remove the endpoint",
            (
                f"Nothing more is sent to {endpoint.url}, and its secret is worth nothing. It cannot be undone.",
                "What was sent to it stays in the log.",
            ),
            "Remove it",
            lambda _: self._session.outgoing.remove_endpoint(endpoint.id),
        )
