"""Rolling windows as they stood at each moment of a history, told in the order of time."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import assert_never

from axiru.domain.movement import Ovt
from policies.windows import Per, WindowSpec


class SlidingWindows:
    """What every window held before each movement: the movements that were let through, of the same subject.

    Movements are told in the order of their times. Each one enters and leaves a window once, so that a movement costs
    the same however long the history is.
    """

    def __init__(self, windows: Iterable[WindowSpec]) -> None:
        self._windows = tuple((window, window.name, float(window.within_seconds)) for window in windows)
        self._held: dict[str, dict[str, _Held]] = {name: {} for _, name, _ in self._windows}

    def before(self, ovt: Ovt, at: datetime) -> dict[str, int | None]:
        """The windows by name, the movement asked about excluded; None where its subject is unknown, never 0."""
        now = at.timestamp()
        sums: dict[str, int | None] = {}
        for window, name, within_seconds in self._windows:
            subject = subject_of(ovt, window.per)
            if subject is None:
                sums[name] = None
                continue
            whose = ovt.initiator.counted if window.per == "initiator" else (subject,)
            held = [self._held[name][each] for each in whose if each in self._held[name]]
            sums[name] = sum(each.since(now - within_seconds) for each in held)
        return sums

    def let_through(self, ovt: Ovt, at: datetime) -> None:
        """A movement that happens, or waits for people to decide: it counts from now on. A blocked one never does."""
        now = at.timestamp()
        for window, name, _ in self._windows:
            if ovt.rail != window.rail or (window.rail_actions and ovt.rail_action not in window.rail_actions):
                continue
            if window.asset is not None and ovt.amount.asset not in window.assets:
                continue
            subject = subject_of(ovt, window.per)
            if subject is not None:
                held = self._held[name].get(subject)
                if held is None:
                    held = self._held[name][subject] = _Held()
                held.add(now, ovt.amount.minor_units if window.measure == "sum" else 1)


class _Held:
    """One subject's window: its movements by time, and their total."""

    __slots__ = ("_moved", "_total")

    def __init__(self) -> None:
        self._moved: deque[tuple[float, int]] = deque()
        self._total = 0

    def since(self, after: float) -> int:
        while self._moved and self._moved[0][0] <= after:
            self._total -= self._moved.popleft()[1]
        return self._total

    def add(self, at: float, units: int) -> None:
        self._moved.append((at, units))
        self._total += units


def subject_of(ovt: Ovt, per: Per) -> str | None:
    """Whose window it is, as `SUBJECT_FACTS` says; the organization's own is everybody's. None: it is not known."""
    match per:
        case "organization":
            return ""
        case "initiator":
            subject = ovt.initiator.root
        case "counterparty":
            subject = ovt.payee or ""
        case "customer":
            subject = ovt.context.customer_id or ""
        case "merchant":
            subject = ovt.merchant.stripe_account_id or ovt.merchant.stripe_connection_id or ""
        case "charge":
            subject = ovt.target.charge or ovt.target.payment_intent or ""
        case _:
            assert_never(per)
    return subject or None
