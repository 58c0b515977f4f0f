"""Freezes that circuit breakers propose: what was seen, what is usual, and the two answers a person may give."""

from collections.abc import Callable, Sequence
from functools import partial

from console.breaker_words import measured_text, watched_text
from console.components.button import Button
from console.components.icon import icon
from console.components.kept import Kept
from console.components.question import Question
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.control_views import Breaker, Trip
from console.control_words import NOT_PERMITTED, may_control, requests_text, subject_text
from console.sessions import Session


class Proposals:
    """The panel on top of the page; absent while nothing is proposed."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._kept = Kept()
        self._question = Question(session, changed)
        self._place = block("div", "attention", aria_live="polite")

    def show(self, trips: Sequence[Trip], breakers: Sequence[Breaker]) -> None:
        self._kept.show((trips, breakers), lambda: self._build(trips, breakers))

    def _build(self, trips: Sequence[Trip], breakers: Sequence[Breaker]) -> None:
        of = {breaker.id: breaker for breaker in breakers}
        self._place.clear()
        with self._place:
            for trip in trips:
                self._proposal(trip, of.get(trip.breaker.id))

    def _proposal(self, trip: Trip, breaker: Breaker | None) -> None:
        subject = subject_text(trip.scope)
        with block("section", "panel panel-attention", aria_label=f"Proposed freeze of {subject}"):
            with block("h2", "version-title"):
                icon("alert")
                Text("span", f"Freeze {subject}?")
            with block("div", "panel-body"):
                with block("p", "muted"):
                    Text("span", f"Proposed by the circuit breaker {trip.breaker.shown}, {trip.mode} mode, ")
                    Timestamp(trip.tripped_at)
                _figures(trip, breaker)
                permitted = may_control(self._session)
                with block("div", "page-actions"):
                    for text, ask in (("Accept the freeze…", self._ask_to_accept), ("Dismiss…", self._ask_to_dismiss)):
                        Button(text, partial(ask, trip)).block(not permitted, "" if permitted else NOT_PERMITTED)
                if not permitted:
                    Text("p", NOT_PERMITTED, "muted")

    async def _ask_to_accept(self, trip: Trip) -> None:
        self._question.ask(
            f"Freeze {subject_text(trip.scope)}",
            (
                f"Every new {requests_text(trip.scope)}, in {trip.mode} mode, is denied, and what was approved is not "
                "executed while the freeze is in force.",
            ),
            "Freeze it",
            lambda reason: self._session.controls.resolve_trip(trip.id, "accept", reason=reason),
            reason="required",
            hint="Everyone sees it, and the ledger keeps it.",
        )

    async def _ask_to_dismiss(self, trip: Trip) -> None:
        self._question.ask(
            "Dismiss the proposal",
            ("Nothing is frozen. The breaker stays armed and may propose again.",),
            "Dismiss it",
            lambda reason: self._session.controls.resolve_trip(trip.id, "dismiss", reason=reason),
            weight="primary",
            reason="required",
        )


def _figures(trip: Trip, breaker: Breaker | None) -> None:
    """Observed beside usual, and where it trips."""
    figures = [("Observed", trip.observed_text), ("Usual", trip.usual_text)]
    if breaker is not None:
        values = {"Observed": trip.observed, "Usual": trip.usual, "Trips at": trip.threshold}
        figures = [(name, measured_text(breaker.metric, value, breaker.currency)) for name, value in values.items()]
        Text("p", watched_text(breaker))
    with block("dl", "figures"):
        for name, value in figures:
            with block("div"):
                Text("dt", name)
                Text("dd", value)
