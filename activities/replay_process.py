"""The worker's side of the replaying process: started for one replay, ended with it."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final, Protocol

import msgspec

from activities.replay_shapes import Job, Told

_LONGEST_LINE_BYTES: Final = 64 * 1024 * 1024


class Lines(Protocol):
    """What is judged, in pieces of any size."""

    def pieces(self) -> AsyncIterator[bytes]: ...


async def judged(job: Job, history: Lines) -> AsyncGenerator[Told, None]:
    """What the process says of `history`, as it says it. Closing the iterator ends the process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "activities.replay_child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE_BYTES,
    )
    # Told while it is listened to: a process whose words nobody takes would stop reading.
    feeding = asyncio.create_task(_feed(process, job, history))
    decoder: msgspec.json.Decoder[Told] = msgspec.json.Decoder(Told)
    try:
        while process.stdout is not None and (line := await process.stdout.readline()):
            yield decoder.decode(line)
        await feeding
    finally:
        feeding.cancel()
        if process.returncode is None:
            process.kill()
        await process.wait()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await feeding


async def _feed(process: asyncio.subprocess.Process, job: Job, history: Lines) -> None:
    if process.stdin is None:
        return
    # A process that has found a fault reads no further.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(msgspec.json.encode(job) + b"\n")
        async for piece in history.pieces():
            process.stdin.write(piece)
            await process.stdin.drain()
        process.stdin.close()
