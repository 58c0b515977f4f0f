"""How Stripe's news arrive: the last one, how many, what waits, what failed, and what only looking has found."""

from collections.abc import Callable

from console.carrying_out import carried_out
from console.components.button import Button
from console.components.kept import Kept
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.sessions import Session
from console.stripe_views import Connection, EventHealth
from console.stripe_words import may_connect


class Health:
    """The panel, with the button that compares with Stripe at once instead of at the next daily time."""

    def __init__(self, session: Session, connection_id: str, changed: Callable[[], None]) -> None:
        self._session = session
        self._connection_id = connection_id
        self._changed = changed
        self._kept = Kept()
        with block("section", "panel", aria_label="Webhook health"):
            Text("h2", "Webhook health")
            self._figures = block("div", "panel-body", aria_live="polite")
            with block("div", "panel-body health-foot"):
                self._compared = block("p", "muted")
                self._asked = Text("p", "", "muted")
                self._asked.props["role"] = "status"
                self._refusal = Text("p", "", "refusal")
                self._refusal.props["role"] = "alert"
                self._button = Button("Reconcile now", self._reconcile)
        self._button.set_visibility(False)

    def show(self, connection: Connection) -> None:
        self._button.set_visibility(may_connect(self._session) and connection.status == "active")
        is_active = connection.status == "active"
        self._kept.show((connection.events, is_active), lambda: self._build(connection.events, is_active=is_active))

    def _build(self, events: EventHealth, *, is_active: bool) -> None:
        self._figures.clear()
        with self._figures:
            with block("p", "health-last"):
                if events.last_received_at is None:
                    Text("span", "No event received yet.")
                else:
                    Text("span", "Last event ")
                    Timestamp(events.last_received_at, "distance")
            with block("dl", "health"):
                _figure("in 24 hours", events.received_24h)
                _figure("waiting", events.waiting)
                _figure("failed", events.failed, bad=True)
                _figure("missed by webhook", events.missed_by_webhook, bad=True)
        self._compared.clear()
        with self._compared:
            if events.reconciled_at is None:
                Text("span", f"Not compared with Stripe yet{'; that happens once a day' if is_active else ''}.")
            else:
                Text("span", "Compared with Stripe ")
                Timestamp(events.reconciled_at, "distance")
                Text("span", ", once a day." if is_active else ".")
        self._asked.set_text("")

    async def _reconcile(self) -> None:
        def refuse(sentence: str) -> None:
            self._refusal.set_text(sentence)

        if await carried_out(self._session, lambda: self._session.stripe.reconcile(self._connection_id), refuse):
            self._asked.set_text("Comparing with Stripe. What is missing is read in.")
            self._changed()


def _figure(name: str, count: int, *, bad: bool = False) -> None:
    with block("div", "health-bad" if bad and count else ""):
        Text("dt", name)
        Text("dd", f"{count:,}")
