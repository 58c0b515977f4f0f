"""More of something, folded away until wanted."""

from collections.abc import Iterator
from contextlib import contextmanager

from console.components.icon import icon
from console.components.text import Text, block


@contextmanager
def more(summary: str) -> Iterator[None]:
    with block("details", "more"):
        with block("summary"):
            icon("chevron")
            Text("span", summary)
        yield
