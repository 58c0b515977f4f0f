"""Circuit breakers in sentences: what they watch, what trips them, what follows."""

from collections.abc import Mapping
from typing import Final

from axiru.domain.span import span_text
from console.components.money import money_text
from console.control_views import Breaker

METRICS: Final[Mapping[str, str]] = {
    "count": "Number of requests",
    "amount": "Amount asked for",
    "failures": "Failed executions",
}
_UNITS: Final = {"count": ("request", "requests"), "failures": ("failure", "failures")}


def measured_text(metric: str, value: int, currency: str | None) -> str:
    """`12 requests`, `$1,250.00 USD`."""
    if metric == "amount" and currency:
        return money_text(value, currency)
    one, many = _UNITS.get(metric, ("", ""))
    return f"{value:,} {one if value == 1 else many}".strip()


def watched_text(breaker: Breaker) -> str:
    """`Number of requests on stripe.refund from zendesk, in test mode`."""
    source = f" from {breaker.source}" if breaker.source else ""
    currency = f" in {breaker.currency.upper()}" if breaker.currency else ""
    return f"{METRICS[breaker.metric]}{currency} on {breaker.surface}{source}, in {breaker.mode} mode"


def trips_text(breaker: Breaker) -> str:
    """When it trips, and what then."""
    least = measured_text(breaker.metric, breaker.minimum, breaker.currency)
    freezes = f" for {span_text(breaker.freeze_seconds)}" if breaker.freeze_seconds else " until somebody lifts it"
    what = breaker.source or breaker.surface
    then = f"it freezes {what}{freezes}" if breaker.response == "freeze" else f"it proposes a freeze of {what}{freezes}"
    return (
        f"When {span_text(breaker.window_seconds)} brings more than {breaker.factor_percent} % of what is usual over "
        f"{span_text(breaker.baseline_seconds)}, and at least {least}, {then}."
    )
