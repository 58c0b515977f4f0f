"""Every control there ever was: who engaged it, who lifted it, and why; filtered by kind and by any word of it."""

from collections.abc import Sequence
from typing import Final

from console.components.badge import badge
from console.components.button import Button
from console.components.empty_state import empty_state
from console.components.kept import Kept
from console.components.payout_pause import payout_pause
from console.components.queue_filters import QueueFilters, Tab
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.components.wording import MODE_NAMES
from console.control_words import KINDS, by_whom, subject_name
from console.views import ControlView

PAGE_SIZE: Final = 25
MOST_READ: Final = 500
"""As many as the API tells of; older ones are in the ledger."""
TABS: Final = (
    Tab("", "All"),
    Tab("kill_switch", "Kill switch"),
    Tab("freeze", "Freezes"),
    Tab("hold", "Holds"),
    Tab("mark_for_review", "Marks"),
)


class History:
    """The panel; `kind` and `query` stand in the address."""

    def __init__(self, kind: str, query: str) -> None:
        self._kept = Kept()
        self._kind = kind if kind in {tab.name for tab in TABS} else ""
        self._query = query
        self._shown = PAGE_SIZE
        self._controls: Sequence[ControlView] = ()
        with block("section", "panel", aria_label="History"):
            Text("h2", "History")
            with block("div", "panel-body"):
                QueueFilters(
                    TABS,
                    self._kind,
                    self._query,
                    self._filter,
                    searches="Search controls",
                    placeholder="Search who, what, why",
                )
                self._table = block("div")

    def show(self, controls: Sequence[ControlView]) -> None:
        self._controls = sorted(controls, key=lambda control: control.engaged_at, reverse=True)
        self._kept.show(self._controls, self._build)

    async def _filter(self, kind: str, query: str) -> None:
        self._kind, self._query, self._shown = kind, query, PAGE_SIZE
        self._build()

    async def _show_more(self) -> None:
        self._shown += PAGE_SIZE
        self._build()

    def _build(self) -> None:
        words = self._query.casefold().split()
        found = [
            control
            for control in self._controls
            if self._kind in {"", control.kind} and all(word in _text(control) for word in words)
        ]
        self._table.clear()
        with self._table:
            if found:
                _table(found[: self._shown])
            elif self._controls:
                empty_state("No control is like that", "Choose another kind, or search for other words.")
            else:
                empty_state("No control was ever used", "What is stopped, by whom and why, is kept here.")
            if len(found) > self._shown:
                with block("div", "below-table"):
                    Button("Show more", self._show_more)
            elif len(self._controls) >= MOST_READ:
                Text("p", f"The newest {MOST_READ}. Older ones are in the ledger.", "muted below")


def _text(control: ControlView) -> str:
    """Everything about it that can be searched for."""
    lifted_by = control.lifted_by.shown if control.lifted_by else ""
    names = [KINDS.get(control.kind, control.kind), by_whom(control), lifted_by, control.mode]
    return " ".join([*names, *control.scope.values(), control.reason, control.lifted_reason or ""]).casefold()


def _table(controls: Sequence[ControlView]) -> None:
    with block("table", "plain history"):
        with block("thead"), block("tr"):
            for heading in ("Control", "Applies to", "Engaged", "Reason", "Lifted"):
                Text("th", heading).props["scope"] = "col"
        with block("tbody"):
            for control in controls:
                _row(control)


def _row(control: ControlView) -> None:
    with block("tr"):
        with block("td"):
            Text("strong", KINDS.get(control.kind, control.kind))
            for field, value in control.scope.items():
                Text("span", subject_name(field), "muted history-subject")
                Text("code", value)
        Text("td", MODE_NAMES.get(control.mode, control.mode).capitalize())
        with block("td", "stacked", data_label="Engaged"):
            Timestamp(control.engaged_at)
            Text("span", by_whom(control), "muted")
            if control.expires_at is not None:
                with block("span", "muted"):
                    Text("span", "until ")
                    Timestamp(control.expires_at)
        Text("td", control.reason)
        with block("td", "stacked", data_label="Lifted"):
            if control.in_force:
                badge("In force", "waiting")
            elif control.lifted_at is None:
                Text("span", "Expired", "muted")
            else:
                Timestamp(control.lifted_at)
                Text("span", control.lifted_by.shown if control.lifted_by else "", "muted")
                Text("span", control.lifted_reason or "", "muted")
            if control.payout_pause is not None and not control.in_force:
                payout_pause(control.payout_pause)
