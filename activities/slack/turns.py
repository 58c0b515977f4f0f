"""One at a time for each thing that is shown: who reads later also sends later, so no older state is left standing."""

import asyncio
from weakref import WeakValueDictionary


class Turns:
    """Locks by name. One is forgotten when nobody holds or awaits it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())
