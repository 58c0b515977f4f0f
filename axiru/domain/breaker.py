"""Circuit breakers: what moved lately against what usually moves, and what follows when it is too much."""

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from axiru.domain.movement import Mode

Metric = Literal["count", "amount", "failures"]
Response = Literal["propose", "freeze"]
TripState = Literal["proposed", "accepted", "dismissed", "engaged"]


class BreakerTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a breaker watches, and when it trips.

    The last `window_seconds` are compared with the mean of as long a window over the `baseline_seconds` before them.
    `minimum` and `amount` are counted in minor units where the metric is `amount`.
    """

    metric: Metric
    rail: str
    rail_action: str
    source: str | None = None
    currency: str | None = None
    window_seconds: int
    baseline_seconds: int
    factor_percent: int
    minimum: int
    response: Response
    freeze_seconds: int | None = None

    @property
    def surface(self) -> str:
        return f"{self.rail}.{self.rail_action}"

    @property
    def scope(self) -> dict[str, str]:
        """What a freeze of this breaker names: the source where it watches one, else the surface."""
        return {"source": self.source} if self.source is not None else {"surface": self.surface}


class Breaker(BreakerTerms, frozen=True, kw_only=True):
    """A breaker that is armed. `updated_at` tells whether what was measured was measured under its present terms."""

    id: str
    organization_id: str
    mode: Mode
    name: str
    updated_at: datetime


class Reading(NamedTuple):
    """One comparison. `threshold` is the smallest observation that would have tripped."""

    observed: int
    usual: int
    threshold: int

    @property
    def trips(self) -> bool:
        return self.observed >= self.threshold


class TripReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A trip as it was sealed. `in_flight` are calls to Stripe that its freeze came too late for."""

    trip_id: str
    breaker_id: str
    state: TripState
    control_id: str | None
    ledger_id: str
    at: datetime
    in_flight: tuple[str, ...] = ()


def compared(terms: BreakerTerms, observed: int, baseline_total: int) -> Reading:
    """Compare one window with `baseline_total`, the sum over the baseline.

    Trips from `minimum` on, and only above `factor_percent` of the mean. In integers throughout, so that no rounding
    of the mean decides; the mean that is shown is rounded down.
    """
    scaled = baseline_total * terms.window_seconds
    above = scaled * terms.factor_percent // (100 * terms.baseline_seconds) + 1
    return Reading(observed, scaled // terms.baseline_seconds, max(terms.minimum, above))
