"""A part of a page that is built anew only when what it shows has changed."""

from collections.abc import Callable


class Kept:
    """A button that was rebuilt between a click and its arrival would lose the click, so nothing is rebuilt in vain."""

    def __init__(self) -> None:
        self._shown: object = None

    def show(self, state: object, build: Callable[[], None]) -> None:
        """Call `build` unless `state` equals what it was called for last."""
        if state != self._shown:
            build()
            self._shown = state
