"""Asking the log of a part whether it is there, for a part that listens nowhere."""

from collections.abc import Awaitable, Callable
from pathlib import Path


def said_anew(log: Path, words: bytes) -> Callable[[], Awaitable[bool]]:
    """A question for `Part.is_ready`: have `words` been written since they were last found, or since now?"""
    read_until = log.stat().st_size if log.exists() else 0

    async def ask() -> bool:
        nonlocal read_until
        with log.open("rb") as stream:
            stream.seek(read_until)
            written = stream.read()
        if words not in written:
            return False
        read_until += len(written)
        return True

    return ask
