"""What went out, to whom, after how many attempts; and sending it once more."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from console.carrying_out import carried_out
from console.components.badge import badge
from console.components.button import Button
from console.components.empty_state import empty_state
from console.components.kept import Kept
from console.components.question import Question
from console.components.select_field import SelectField
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.outgoing_views import Attempt, Delivery
from console.sessions import Session
from console.webhook_words import CHANNELS, STATE_LOOKS, STATES, event_text


class DeliveryLog:
    """The panel. Rows are told apart by id, so that attempts that are folded out stay so while the log moves."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._kept = Kept()
        self._open: set[str] = set()
        self._older: tuple[Delivery, ...] = ()
        self._cursor = ""
        self._targets: Mapping[str, str] = {}
        self._newest: tuple[Delivery, ...] = ()
        self._question = Question(session, changed)
        with block("section", "panel", aria_label="Deliveries"):
            Text("h2", "Deliveries")
            with block("div", "panel-body"), block("div", "two-fields"):
                self._channel = SelectField("Channel", CHANNELS, "", on_change=self._filter)
                self._state = SelectField("State", STATES, "", on_change=self._filter)
            self._rows = block("ul", "rows rows-inset", aria_live="off")
            self._below = block("div", "below-table")
            self._refusal = Text("p", "", "refusal panel-note")
            self._refusal.props["role"] = "alert"

    async def read(self, targets: Mapping[str, str]) -> None:
        """Read the newest again; `targets` names endpoints and members. Raises what ApiClient raises."""
        page = await self._session.outgoing.deliveries(channel=self._channel.value, state=self._state.value)
        if not self._older:
            self._cursor = page.next_cursor or ""
        self._targets = targets
        self._newest = page.items
        self._kept.show((self._newest, self._older, self._cursor, self._targets), self._build)

    @property
    def waits(self) -> bool:
        """Whether one of the newest is still to be delivered."""
        return any(delivery.state == "pending" for delivery in self._newest)

    def _filter(self) -> None:
        self._older, self._cursor = (), ""
        self._changed()

    async def _show_older(self) -> None:
        if await carried_out(self._session, self._read_older, self._refusal.set_text):
            self._build()

    async def _read_older(self) -> None:
        page = await self._session.outgoing.deliveries(
            channel=self._channel.value, state=self._state.value, cursor=self._cursor
        )
        self._older += page.items
        self._cursor = page.next_cursor or ""

    def _build(self) -> None:
        newest = {delivery.id for delivery in self._newest}
        deliveries = [*self._newest, *(delivery for delivery in self._older if delivery.id not in newest)]
        self._rows.clear()
        with self._rows:
            for delivery in deliveries:
                self._row(delivery)
            if not deliveries:
                with block("li"):
                    empty_state("Nothing was sent", "Messages to webhooks, Slack and mailboxes are kept here.")
        self._below.clear()
        if self._cursor:
            with self._below:
                Button("Show older", self._show_older)

    def _row(self, delivery: Delivery) -> None:
        opened = delivery.id in self._open
        with block("li"):
            with block("div", "row-head"):
                look = STATE_LOOKS[delivery.state]
                badge(look.label, look.tone, look.icon)
                Text("strong", event_text(delivery.event)).props["title"] = delivery.event
                target = self._targets.get(delivery.target, delivery.target)
                Text("span", f"{CHANNELS.get(delivery.channel, delivery.channel)}, {target}", "muted target")
                with block("span", "row-end"):
                    Timestamp(delivery.created_at)
            with block("div", "row-head"):
                with block("p", "facts"):
                    self._facts(delivery)
                with block("div", "row-end row-buttons"):
                    if delivery.attempts:
                        Button("Hide attempts" if opened else "Attempts", partial(self._fold, delivery.id), "quiet")
                    if delivery.state != "pending":
                        Button("Resend", partial(self._ask_to_resend, delivery), "quiet")
            if opened:
                _attempts(delivery.attempts)

    def _facts(self, delivery: Delivery) -> None:
        count = len(delivery.attempts)
        Text("span", f"{count} {'attempt' if count == 1 else 'attempts'}")
        if delivery.last_status is not None:
            Text("span", f"answered {delivery.last_status}")
        if delivery.last_detail and delivery.state != "delivered":
            Text("span", delivery.last_detail)
        if delivery.state == "pending" and delivery.next_attempt_at is not None:
            with block("span"):
                Text("span", "next attempt ")
                Timestamp(delivery.next_attempt_at, "distance")
        if delivery.decision_id:
            link("Open the decision", f"/decisions/{delivery.decision_id}")
        if delivery.resend_of:
            Text("span", "sent again")

    async def _fold(self, delivery_id: str) -> None:
        self._open ^= {delivery_id}
        self._build()

    async def _ask_to_resend(self, delivery: Delivery) -> None:
        target = self._targets.get(delivery.target, delivery.target)
        self._question.ask(
            f"Send “{event_text(delivery.event)}” again",
            (f"The same message goes to {target} once more, under an id of its own.",),
            "Send it",
            lambda _: self._session.outgoing.resend(delivery.id),
            weight="primary",
        )


def _attempts(attempts: Sequence[Attempt]) -> None:
    with block("ol", "attempts"):
        for attempt in attempts:
            with block("li"):
                Timestamp(attempt.began_at)
                status = f" {attempt.status}" if attempt.status is not None else ""
                Text("span", f"{attempt.outcome}{status}, {attempt.milliseconds:,} ms")
                Text("span", attempt.detail, "muted")
