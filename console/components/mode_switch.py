"""Test or live: the same page, of the other chain."""

from urllib.parse import urlencode

from axiru.domain.movement import Mode
from console.components.text import block, link


def mode_switch(mode: Mode, path: str, **query: str) -> None:
    """Two links to `path`, one for each mode; `query` is kept."""
    with block("nav", "modes", aria_label="Mode"):
        for name, label in (("test", "Test"), ("live", "Live")):
            anchor = link(label, f"{path}?{urlencode({**query, 'mode': name})}")
            if name == mode:
                anchor.props["aria-current"] = "true"
