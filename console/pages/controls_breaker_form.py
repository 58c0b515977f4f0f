"""The form of a circuit breaker, new or to be changed."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from axiru.domain.currency import CURRENCIES, exponent_of
from axiru.domain.money import decimal_text
from axiru.domain.span import span_text
from console.breaker_words import METRICS
from console.carrying_out import carried_out
from console.components.choice import Choice
from console.components.confirm_dialog import ConfirmDialog
from console.components.money import minor_units
from console.components.select_field import SelectField
from console.components.text import Text, block
from console.components.text_field import TextField
from console.control_views import Breaker
from console.control_words import SURFACE_NAMES
from console.sessions import Session

_WINDOWS: Final = (300, 900, 3_600, 21_600, 86_400)
_BASELINES: Final = (86_400, 604_800, 2_419_200)
_FREEZES: Final = (3_600, 14_400, 86_400, 604_800)
_LARGEST_PERCENT: Final = 100_000


class BreakerForm:
    """One dialog, filled anew whenever it is opened. What a breaker watches never changes, only when it trips."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._breaker: Breaker | None = None
        self._dialog = ConfirmDialog("Circuit breaker", "Arm it", self._submit, "primary")

    def open(self, breaker: Breaker | None) -> None:
        """The form for `breaker`, or for a new one."""
        self._breaker = breaker
        self._dialog.content.clear()
        with self._dialog.content:
            self._build(breaker)
        self._dialog.open()

    def _build(self, breaker: Breaker | None) -> None:
        self._name = TextField("Name", value=breaker.name if breaker else "", max_length=200)
        if breaker is None:
            self._mode = Choice("Mode", {"test": "Test", "live": "Live"}, "test")
            with block("div", "two-fields"):
                self._metric = SelectField("What counts", METRICS, "count", on_change=self._ask_for_currency)
                self._surface = SelectField("On", SURFACE_NAMES, "stripe.refund")
                self._source = TextField("From one source only", placeholder="any", max_length=255)
                self._currency = TextField("Currency", value="usd", max_length=3)
            Text("p", "With a source, a trip freezes that source; otherwise all that is counted.", "field-notes")
        with block("div", "two-fields"):
            window = breaker.window_seconds if breaker else 3_600
            self._window = SelectField("What moved in", _spans(_WINDOWS, window), str(window))
            baseline = breaker.baseline_seconds if breaker else 604_800
            self._baseline = SelectField("Usual over", _spans(_BASELINES, baseline), str(baseline))
            self._factor = TextField(
                "Too much, in % of usual", value=str(breaker.factor_percent if breaker else 300), max_length=6
            )
            self._minimum = TextField("And at least", value=_minimum_text(breaker), max_length=20)
        Text("p", "Below that it never trips, however quiet it usually is.", "field-notes")
        self._response = Choice(
            "Then",
            {"propose": "Propose a freeze", "freeze": "Freeze at once"},
            breaker.response if breaker else "propose",
        )
        freeze = breaker.freeze_seconds if breaker else None
        spans = {"": "Until somebody lifts it", **_spans(_FREEZES, freeze)}
        self._freeze = SelectField("The freeze holds for", spans, str(freeze or ""))
        if breaker is None:
            self._ask_for_currency()

    def _ask_for_currency(self) -> None:
        self._currency.classes(replace="" if self._metric.value == "amount" else "hidden")

    async def _submit(self) -> None:
        body = self._read()
        if body is None:
            return
        breaker, api = self._breaker, self._session.controls

        async def submit() -> None:
            if breaker is None:
                await api.make_breaker(body)
            else:
                await api.change_breaker(breaker.id, body)

        if await carried_out(self._session, submit, self._dialog.refuse):
            self._dialog.close()
            self._changed()

    def _read(self) -> dict[str, Any] | None:
        """What was filled in, as the API takes it; None when a field has been refused."""
        if not self._name.value.strip():
            self._name.refuse("Give it a name that says what it watches.")
            return None
        metric, currency = self._watched()
        if metric == "amount" and currency not in CURRENCIES:
            self._currency.refuse("Three letters, such as usd.")
            return None
        factor = self._factor.value.strip()
        if not (factor.isascii() and factor.isdecimal() and 100 < int(factor) <= _LARGEST_PERCENT):
            self._factor.refuse("A whole number over 100.")
            return None
        minimum = minor_units(self._minimum.value, currency) if metric == "amount" else _whole(self._minimum.value)
        if not minimum:
            self._minimum.refuse("An amount, such as 1,000.00." if metric == "amount" else "A whole number from 1.")
            return None
        body: dict[str, Any] = {
            "name": self._name.value.strip(),
            "window_seconds": int(self._window.value),
            "baseline_seconds": int(self._baseline.value),
            "factor_percent": int(factor),
            "minimum": minimum,
            "response": self._response.value,
            "freeze_seconds": int(self._freeze.value) if self._freeze.value else None,
        }
        if self._breaker is None:
            body |= {"mode": self._mode.value, "metric": metric, "surface": self._surface.value}
            body |= {"source": self._source.value.strip() or None, "currency": currency or None}
        return body

    def _watched(self) -> tuple[str, str]:
        if self._breaker is not None:
            return self._breaker.metric, self._breaker.currency or ""
        metric = self._metric.value
        return metric, self._currency.value.strip().lower() if metric == "amount" else ""


def _spans(known: tuple[int, ...], chosen: int | None) -> Mapping[str, str]:
    return {str(seconds): span_text(seconds) for seconds in sorted({*known, chosen or known[0]})}


def _minimum_text(breaker: Breaker | None) -> str:
    if breaker is None:
        return ""
    if breaker.metric == "amount" and breaker.currency:
        return decimal_text(breaker.minimum, exponent_of(breaker.currency))
    return str(breaker.minimum)


def _whole(text: str) -> int | None:
    digits = text.strip().replace(",", "")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 12 else None
