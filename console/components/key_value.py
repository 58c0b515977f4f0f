"""Facts as a definition list: name left, value right, both legible at a glance."""

from collections.abc import Iterator
from contextlib import contextmanager

from console.components.text import Text, block


@contextmanager
def key_values(classes: str = "") -> Iterator[None]:
    """The list; fill it with `key_value`."""
    with block("dl", f"key-values {classes}"):
        yield


def key_value(name: str, value: str | None) -> None:
    """One fact; an absent one is told as absent, so that nobody takes it for empty."""
    with fact(name):
        if value is None or value == "":
            Text("span", "not given", "absent")
        else:
            Text("span", value)


@contextmanager
def fact(name: str) -> Iterator[None]:
    """One fact whose value is built inside."""
    with block("div"):
        Text("dt", name)
        with block("dd"):
            yield
