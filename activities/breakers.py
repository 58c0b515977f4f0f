"""The loop that reads circuit breakers, in every worker: who comes second finds the breaker tripped."""

import asyncio
from time import monotonic
from typing import Final

import structlog

from axiru.domain.breaker import Breaker, TripReceipt, compared
from ledger.acts.trip import trip
from ledger.breaker_readings import armed, baseline_total, window_total
from ledger.entry import EntrySigner

log = structlog.get_logger()

_EVERY_SECONDS: Final = 2.0
_AWAY_SECONDS: Final = 5.0
# However much there is to read: of the worker's time and the database's, no more than this part goes into it.
_IDLE_FOR_BUSY: Final = 20
# A baseline may be older than it should by this part of itself; reading it anew each time would cost the most.
_BASELINE_KEPT: Final = 1_000


class Baselines:
    """What breakers' baselines held when they were last read."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Breaker, float, int]] = {}

    async def total(self, breaker: Breaker) -> int:
        """The sum over the baseline, read again when it has aged by a thousandth or the breaker was changed."""
        kept = self._kept.get(breaker.id)
        if (
            kept is not None
            and kept[0] == breaker
            and monotonic() < kept[1] + breaker.baseline_seconds / _BASELINE_KEPT
        ):
            return kept[2]
        read_at, total = monotonic(), await baseline_total(breaker)
        self._kept[breaker.id] = (breaker, read_at, total)
        return total

    def forget_all_but(self, breakers: list[Breaker]) -> None:
        """Drop what belongs to breakers that were retired."""
        ids = {breaker.id for breaker in breakers}
        self._kept = {breaker_id: kept for breaker_id, kept in self._kept.items() if breaker_id in ids}


async def watch_breakers_forever(signer: EntrySigner) -> None:
    """Read every armed breaker until cancelled; what fails is read again in the next round."""
    baselines = Baselines()
    while True:
        began = monotonic()
        try:
            await watch_breakers_once(signer, baselines)
        except Exception:
            log.exception("breakers_interrupted")
            await asyncio.sleep(_AWAY_SECONDS)
        await asyncio.sleep(max(_EVERY_SECONDS, _IDLE_FOR_BUSY * (monotonic() - began)))


async def watch_breakers_once(signer: EntrySigner, baselines: Baselines) -> list[TripReceipt]:
    """Read every armed breaker and trip those that have to; one that fails holds up no other.

    The first failure is raised when all have had their turn.
    """
    breakers = await armed()
    baselines.forget_all_but(breakers)
    tripped: list[TripReceipt] = []
    failures: list[Exception] = []
    for breaker in breakers:
        try:
            receipt = await _watch(breaker, signer, baselines)
        except Exception as failure:
            failures.append(failure)
        else:
            tripped += [receipt] if receipt else []
    if failures:
        raise failures[0]
    return tripped


async def _watch(breaker: Breaker, signer: EntrySigner, baselines: Baselines) -> TripReceipt | None:
    """Below the minimum the baseline does not matter, and is not read."""
    observed = await window_total(breaker)
    if observed < breaker.minimum:
        return None
    reading = compared(breaker, observed, await baselines.total(breaker))
    if not reading.trips:
        return None
    receipt = await trip(breaker, reading, signer=signer)
    if receipt is not None:
        log.warning("breaker_tripped", breaker_id=breaker.id, trip_id=receipt.trip_id, state=receipt.state)
    return receipt
