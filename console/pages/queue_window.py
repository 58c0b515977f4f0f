"""The filter of the queue by a budget's window: which window, what its decisions add up to, and the way out of it."""

from typing import NamedTuple

from axiru.domain.decision import SurfaceMode
from console.budget_views import WindowOfDecisions
from console.budget_words import PER_NAMES, amount_of, what_counts
from console.components.kept import Kept
from console.components.text import Text, block, link


class CountedIn(NamedTuple):
    """The window that the queue is narrowed to, as a budget names it."""

    window: str
    subject: str
    surface_mode: SurfaceMode


class QueueWindow:
    """A line above the table, there only while the queue is narrowed to a window."""

    def __init__(self) -> None:
        self._line = block("div", "queue-window", role="group", aria_label="Filtered by a budget's window")
        self._line.set_visibility(False)
        self._kept = Kept()

    def show(self, held: WindowOfDecisions | None, everything: str) -> None:
        """`everything` is the address of the queue without this filter."""
        self._line.set_visibility(held is not None)
        if held is not None:
            self._kept.show((held, everything), lambda: self._build(held, everything))

    def _build(self, held: WindowOfDecisions, everything: str) -> None:
        self._line.clear()
        with self._line:
            with block("span", "chip queue-window-chip"):
                Text("span", "Counted in the window")
                out = link("×", everything)
                out.props["aria-label"] = "Show all decisions, not only those that count in this window"
            with block("span"):
                Text("span", PER_NAMES[held.per], "budget-per")
                if held.subject is not None:
                    Text("code", held.subject, "chip")
            Text("strong", amount_of(held, held.used_units), "money")
            if held.measure == "sum":
                Text("span", f"in {held.decisions:,} {'decision' if held.decisions == 1 else 'decisions'}")
            shadow = ", in shadow" if held.surface_mode == "shadow" else ""
            Text("span", f"{what_counts(held)}{shadow}", "muted")
