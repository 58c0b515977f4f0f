"""The pages about agents, side by side."""

from typing import Final, Literal

from axiru.domain.movement import Mode
from console.components.text import block, link

AgentPage = Literal["agents", "budgets", "ap2-issuers"]

_PAGES: Final[tuple[tuple[AgentPage, str, str], ...]] = (
    ("agents", "Registry", "/agents"),
    ("budgets", "Budgets", "/budgets"),
    ("ap2-issuers", "AP2 issuers", "/ap2-issuers"),
)


def agent_tabs(here: AgentPage, mode: Mode) -> None:
    with block("nav", "tabs page-tabs", aria_label="Agents"):
        for name, label, address in _PAGES:
            anchor = link(label, f"{address}?mode={mode}", "tab")
            if name == here:
                anchor.props["aria-current"] = "page"
