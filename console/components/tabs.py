"""A few ways to look at the same thing, one of them chosen."""

from collections.abc import Awaitable, Callable, Mapping

from console.components.button import Button
from console.components.text import block


class Tabs:
    """Buttons side by side. `on_choose` gets the name; what is pressed is shown only by `press`."""

    def __init__(self, label: str, options: Mapping[str, str], on_choose: Callable[[str], Awaitable[None]]) -> None:
        with block("div", "tabs", role="group", aria_label=label):
            self._tabs = {name: _tab(text, name, on_choose) for name, text in options.items()}

    def press(self, chosen: str) -> None:
        for name, tab in self._tabs.items():
            tab.props["aria-pressed"] = "true" if name == chosen else "false"


def _tab(text: str, name: str, on_choose: Callable[[str], Awaitable[None]]) -> Button:
    async def choose() -> None:
        await on_choose(name)

    tab = Button(text, choose)
    tab.classes(replace="tab")
    tab.props["aria-pressed"] = "false"
    return tab
