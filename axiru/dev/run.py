"""`axiru dev`: one stack from its first progress line to its last stopped part."""

import asyncio
import signal
from collections.abc import Coroutine

from axiru.dev.home import Home
from axiru.dev.lock import locked
from axiru.dev.stack import Stack, StackOptions

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(options: StackOptions) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP. Raises StackRefused when it cannot start; nothing is left running."""
    try:
        asyncio.run(_run(options))
    finally:
        # Everything has stopped: a second Ctrl-C must not turn the end into an interruption.
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)


async def _run(options: StackOptions) -> None:
    stop = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    home = Home(options.home.expanduser().resolve())
    home.prepare()
    with locked(home):
        home.dev_json.unlink(missing_ok=True)
        if options.fresh:
            home.empty()
        stack = Stack(home, options)
        try:
            if await _finished_before(stop, stack.start()):
                await stop.wait()
        finally:
            await stack.stop()


async def _finished_before(stop: asyncio.Event, start: Coroutine[None, None, None]) -> bool:
    """Whether the start came to its end before somebody asked to stop; raises what it raised."""
    starting = asyncio.create_task(start)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not starting.done():
        starting.cancel()
        await asyncio.wait({starting})
    if starting.cancelled():
        return False
    starting.result()
    return True
