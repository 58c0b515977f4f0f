"""A list's filters: states as tabs with counts, a search field, and lists to choose one of."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from nicegui.element import Element
from nicegui.events import GenericEventArguments


class Tab(NamedTuple):
    """A state to filter by; the empty name is all of them."""

    name: str
    label: str


class Pick(NamedTuple):
    """One of `options` (value to label), by the parameter of the address that keeps it."""

    name: str
    label: str
    options: Mapping[str, str]
    value: str


class QueueFilters(Element, component="queue_filters.js"):
    """Calls `on_change(state, query)`; what is not among the tabs and options cannot be chosen.

    `chosen` holds what was picked by the names of `picks`; `parameters` are those of state and query in the address.
    """

    def __init__(
        self,
        tabs: Sequence[Tab],
        state: str,
        query: str,
        on_change: Callable[[str, str], Awaitable[None]],
        *,
        searches: str = "Search decisions",
        placeholder: str = "Search id, payee, customer",
        filtered: str = "Filter by state",
        parameters: tuple[str, str] = ("state", "q"),
        picks: Sequence[Pick] = (),
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
        self.props["filtered"] = filtered
        self.props["parameters"] = list(parameters)
        self._picks = {pick.name: pick for pick in picks}
        self.chosen = {pick.name: pick.value if pick.value in pick.options else "" for pick in picks}
        self.props["selects"] = [
            {"name": pick.name, "label": pick.label, "options": [[*each] for each in pick.options.items()]}
            for pick in picks
        ]
        self.props["choices"] = self.chosen
        self.on("change", self._changed)

    def count(self, name: str, text: str) -> None:
        self.props["counts"] = {**self.props["counts"], name: text}

    async def _changed(self, event: GenericEventArguments) -> None:
        match event.args:
            case {"state": str(state), "query": str(query), "choices": dict(choices)} if state in self._names:
                self.chosen = {
                    name: value if isinstance(value := choices.get(name), str) and value in pick.options else ""
                    for name, pick in self._picks.items()
                }
                await self._on_change(state, query)
