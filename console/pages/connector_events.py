"""What Stripe told over one connection, newest first, how each stands, and trying a failed one again."""

from collections.abc import Callable
from functools import partial

from axiru.domain.movement import Mode
from console.carrying_out import carried_out
from console.components.badge import badge
from console.components.button import Button
from console.components.empty_state import empty_state
from console.components.kept import Kept
from console.components.tabs import Tabs
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.sessions import Session
from console.stripe_views import StripeEvent
from console.stripe_words import EVENT_DETAILS, EVENT_LOOKS, EVENT_STATES, may_connect


class EventLog:
    """The panel. Only who may change connections may reprocess."""

    def __init__(
        self, session: Session, connection_id: str, mode: Mode, state: str, changed: Callable[[], None]
    ) -> None:
        self._session = session
        self._connection_id = connection_id
        self._mode = mode
        self._state = state if state in EVENT_STATES else ""
        self._changed = changed
        self._kept = Kept()
        self._newest: tuple[StripeEvent, ...] = ()
        self._older: tuple[StripeEvent, ...] = ()
        self._cursor = ""
        with block("section", "panel", aria_label="Events"):
            with block("div", "panel-top"):
                Text("h2", "Events from Stripe")
                self._tabs = Tabs("State", EVENT_STATES, self._choose)
            self._rows = block("ul", "rows rows-inset", aria_live="off")
            self._below = block("div", "below-table")
            self._refusal = Text("p", "", "refusal panel-note")
            self._refusal.props["role"] = "alert"
        self._tabs.press(self._state)

    async def read(self) -> None:
        """Read the newest again. Raises what ApiClient raises."""
        asked = self._state
        page = await self._session.stripe.events(self._connection_id, mode=self._mode, state=asked)
        if asked != self._state:
            return
        if not self._older:
            self._cursor = page.next_cursor or ""
        self._newest = page.items
        self._kept.show((self._newest, self._older, self._cursor, self._state), self._build)

    async def _choose(self, state: str) -> None:
        self._state, self._older, self._cursor = state, (), ""
        self._tabs.press(state)
        self._changed()

    async def _show_older(self) -> None:
        if await carried_out(self._session, self._read_older, self._refusal.set_text):
            self._build()

    async def _read_older(self) -> None:
        page = await self._session.stripe.events(
            self._connection_id, mode=self._mode, state=self._state, cursor=self._cursor
        )
        self._older += page.items
        self._cursor = page.next_cursor or ""

    def _build(self) -> None:
        newest = {event.id for event in self._newest}
        events = [*self._newest, *(event for event in self._older if event.id not in newest)]
        self._rows.clear()
        with self._rows:
            for event in events:
                self._row(event)
            if not events:
                with block("li"):
                    _nothing(self._state)
        self._below.clear()
        if self._cursor:
            with self._below:
                Button("Show older", self._show_older)

    def _row(self, event: StripeEvent) -> None:
        with block("li"):
            with block("div", "row-head"):
                look = EVENT_LOOKS[event.state]
                badge(look.label, look.tone, look.icon)
                Text("code", event.type)
                with block("span", "row-end"):
                    Timestamp(event.received_at)
            with block("div", "row-head"):
                with block("p", "facts"):
                    _facts(event)
                if event.state == "failed" and may_connect(self._session):
                    with block("div", "row-end row-buttons"):
                        Button("Reprocess", partial(self._reprocess, event.id), "quiet")

    async def _reprocess(self, event_id: str) -> None:
        again = partial(self._session.stripe.reprocess, event_id)
        if await carried_out(self._session, again, self._refusal.set_text):
            self._changed()


def _facts(event: StripeEvent) -> None:
    if event.object_id:
        Text("code", event.object_id)
    Text("span", event.id, "mono")
    if event.decision_id:
        link("Its decision", f"/decisions/{event.decision_id}")
    if event.via == "reconciliation":
        Text("span", "found by looking; the webhook had not told")
    if event.attempts > 1:
        Text("span", f"{event.attempts} attempts")
    if event.detail:
        said = EVENT_DETAILS.get(event.detail, event.detail)
        tone = "refusal" if event.state == "failed" else "bypassed" if event.detail == "bypass" else ""
        Text("span", said, tone)
    if event.state == "received" and event.next_attempt_at is not None:
        with block("span"):
            Text("span", "tried again ")
            Timestamp(event.next_attempt_at, "distance")


def _nothing(state: str) -> None:
    if state:
        empty_state("No event is like that", "Choose another state.")
    else:
        empty_state("Nothing has arrived yet", "Refunds, disputes, payouts and transfers on this account appear here.")
