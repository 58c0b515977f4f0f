"""Stripe's time in the sandbox: the machine's clock plus what tests have added. The addition survives a restart."""

import time

from axiru.dev.sandbox.store import Store

_OFFSET = "clock_offset_seconds"


class Clock:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.offset_seconds = int(store.meta(_OFFSET) or 0)

    def now(self) -> int:
        """Whole seconds since the epoch, as in Stripe's `created`."""
        return int(time.time()) + self.offset_seconds

    def advance(self, seconds: int) -> None:
        self.offset_seconds += seconds
        with self._store.transaction():
            self._store.set_meta(_OFFSET, str(self.offset_seconds))
