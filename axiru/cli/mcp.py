"""`axiru mcp`: the API's `/mcp` over stdin and stdout, for agents that start their tools' servers as programs."""

import asyncio
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from axiru.cli.mcp_bridge import Bridge
    from axiru.settings import Settings


@click.command()
def mcp() -> None:
    """Speak MCP over stdin and stdout, for the API at AXIRU_API_URL with the key AXIRU_API_KEY.

    Every message goes to the API's /mcp byte by byte as it came, so that nothing is read or allowed here.
    """
    from axiru.settings import Settings  # noqa: PLC0415

    settings = Settings.from_environment()
    settings.require("api_key")
    asyncio.run(_pass_on(settings))


async def _pass_on(settings: "Settings") -> None:
    """Until stdin ends; what was asked by then is still answered."""
    from axiru.cli.mcp_bridge import Bridge  # noqa: PLC0415

    async with Bridge(settings.api_url, settings.api_key) as bridge, asyncio.TaskGroup() as under_way:
        while line := await asyncio.to_thread(sys.stdin.buffer.readline):
            if line.strip():
                under_way.create_task(_answer(bridge, line))


async def _answer(bridge: "Bridge", line: bytes) -> None:
    if (answer := await bridge.ask(line)) is not None:
        # One write, so that answers which come at once do not mix.
        sys.stdout.buffer.write(answer + b"\n")
        sys.stdout.buffer.flush()
