"""Circuit breakers: which are armed, what they saw, and making, changing and retiring them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from console.breaker_words import trips_text, watched_text
from console.components.badge import Look, badge
from console.components.button import Button
from console.components.disclosure import more
from console.components.empty_state import empty_state
from console.components.kept import Kept
from console.components.question import Question
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.control_views import Breaker, Trip
from console.control_words import may_control
from console.pages.controls_breaker_form import BreakerForm
from console.sessions import Session

MOST_TRIPS: Final = 20
_TRIPS: Final = {
    "proposed": Look("Proposed", "clock", "waiting"),
    "accepted": Look("Frozen", "lock", "failed"),
    "engaged": Look("Frozen by itself", "lock", "failed"),
    "dismissed": Look("Dismissed", "cross", "neutral"),
}


class Breakers:
    """The panel and its dialogs."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._kept = Kept()
        self._permitted = may_control(session)
        self._form = BreakerForm(session, changed)
        self._question = Question(session, changed)
        with block("section", "panel", aria_label="Circuit breakers"):
            with block("div", "panel-top"):
                Text("h2", "Circuit breakers")
                if self._permitted:
                    Button("New breaker…", self._make)
            Text("p", "They compare what moves now with what is usual, and freeze or propose it.", "muted panel-note")
            self._rows = block("ul", "rows")
            self._trips = block("div", "panel-body")

    def show(self, breakers: Sequence[Breaker], trips: Sequence[Trip]) -> None:
        self._kept.show((breakers, trips), lambda: self._build(breakers, trips))

    def _build(self, breakers: Sequence[Breaker], trips: Sequence[Trip]) -> None:
        armed = [breaker for breaker in breakers if breaker.retired_at is None]
        self._rows.clear()
        with self._rows:
            for breaker in armed:
                self._row(breaker)
            if not armed:
                with block("li"):
                    empty_state("No breaker is armed", "A sudden spike would be noticed by people only.")
        self._trips.clear()
        if trips:
            with self._trips, more(f"Trips: {len(trips)}"):
                _trips(trips[:MOST_TRIPS])

    async def _make(self) -> None:
        self._form.open(None)

    async def _change(self, breaker: Breaker) -> None:
        self._form.open(breaker)

    def _row(self, breaker: Breaker) -> None:
        with block("li", "row-acts"):
            with block("div", "row-head"):
                Text("strong", breaker.name)
                if breaker.response == "freeze":
                    badge("Freezes by itself", "waiting", "lock")
                else:
                    badge("Proposes", "neutral", "flag")
            Text("p", watched_text(breaker), "sub")
            Text("p", trips_text(breaker), "muted")
            if self._permitted:
                with block("div", "row-buttons"):
                    Button("Change…", partial(self._change, breaker), "quiet")
                    Button("Retire…", partial(self._ask_to_retire, breaker), "quiet")

    async def _ask_to_retire(self, breaker: Breaker) -> None:
        self._question.ask(
            f"Retire {breaker.name}",
            ("It compares nothing any more. Freezes that it set stay in force until they are lifted.",),
            "Retire it",
            lambda _: self._session.controls.retire_breaker(breaker.id),
        )


def _trips(trips: Sequence[Trip]) -> None:
    with block("ul", "rows rows-flush"):
        for trip in trips:
            with block("li"):
                with block("div", "row-head"):
                    look = _TRIPS[trip.state]
                    badge(look.label, look.tone, look.icon)
                    Text("strong", trip.breaker.shown)
                    with block("span", "row-end"):
                        Timestamp(trip.tripped_at)
                with block("p", "facts"):
                    Text("span", f"observed {trip.observed_text}")
                    Text("span", f"usual {trip.usual_text}")
                    if trip.resolved_by is not None:
                        Text("span", f"{trip.state} by {trip.resolved_by.shown}")
                if trip.resolved_reason:
                    Text("p", trip.resolved_reason, "quoted")
