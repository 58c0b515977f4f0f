"""A list's filters: states as tabs with counts, and a search field."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from nicegui.element import Element
from nicegui.events import GenericEventArguments


class Tab(NamedTuple):
    """A state to filter by; the empty name is all of them."""

    name: str
    label: str


class QueueFilters(Element, component="queue_filters.js"):
    """Calls `on_change(state, query)`; a state that is not one of the tabs cannot be chosen."""

    def __init__(
        self,
        tabs: Sequence[Tab],
        state: str,
        query: str,
        on_change: Callable[[str, str], Awaitable[None]],
        *,
        searches: str = "Search decisions",
        placeholder: str = "Search id, charge, customer",
    ) -> None:
        super().__init__()
        self._names = {tab.name for tab in tabs}
        self._on_change = on_change
        self.props["tabs"] = [tab._asdict() for tab in tabs]
        self.props["state"] = state
        self.props["query"] = query
        self.props["counts"] = {}
        self.props["searches"] = searches
        self.props["placeholder"] = placeholder
        self.on("change", self._changed)

    def count(self, name: str, text: str) -> None:
        self.props["counts"] = {**self.props["counts"], name: text}

    async def _changed(self, event: GenericEventArguments) -> None:
        match event.args:
            case {"state": str(state), "query": str(query)} if state in self._names:
                await self._on_change(state, query)
