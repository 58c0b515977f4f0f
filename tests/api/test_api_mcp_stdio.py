"""`axiru mcp`: each line goes to the API as it came, and what the API says comes back as one line."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from axiru.dev.dev_json import DevJson

COMMAND = (sys.executable, "-P", "-m", "axiru.cli", "mcp")
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": "first",
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "a program", "version": "1"},
    },
}


async def spoken(lines: list[bytes], *, url: str, key: str) -> dict[Any, Any]:
    """What it answers to these lines by id, once they have ended and it has ended too."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        env=os.environ | {"AXIRU_API_URL": url, "AXIRU_API_KEY": key},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asyncio.wait_for(process.communicate(b"".join(line + b"\n" for line in lines)), 60)
    assert process.returncode == 0
    answers = [json.loads(line) for line in said.splitlines()]
    assert all(answer["jsonrpc"] == "2.0" for answer in answers)
    return {answer["id"]: answer for answer in answers}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_of_either_era_asks_over_stdio(
    stack: DevJson, refund: Callable[..., dict[str, Any]], mode: Any
) -> None:
    server = StdioServerParameters(
        command=COMMAND[0],
        args=list(COMMAND[1:]),
        env={"AXIRU_API_URL": stack.api_url, "AXIRU_API_KEY": stack.api_keys["decisions"]},
    )
    async with Client(server, mode=mode) as client:
        assert len((await client.list_tools()).tools) == 3
        asked = await client.call_tool("axiru.decisions.create", refund())
        refused = await client.call_tool("axiru.authorizations.create", {})
    assert asked.structured_content is not None
    assert asked.structured_content["outcome"] == "allow"
    assert refused.is_error


async def test_lines_meet_the_checks_of_the_api_byte_by_byte(stack: DevJson) -> None:
    twice = b'{"jsonrpc":"2.0","id":2,"method":"tools/list","method":"tools/call"}'
    answers = await spoken(
        [
            json.dumps(INITIALIZE).encode(),
            b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
            twice,
            b'{"jsonrpc":"2.0","id":3,"method":"tools/list"}',
            b'{"jsonrpc":"2.0","id":4,"method":"tools/list","pad":"' + b"x" * 300_000 + b'"}',
            b"not json \xff",
            b"",
        ],
        url=stack.api_url,
        key=stack.api_keys["decisions"],
    )

    assert answers.keys() == {"first", 2, 3, 4, None}
    assert answers["first"]["result"]["protocolVersion"] == "2025-06-18"
    assert len(answers[3]["result"]["tools"]) == 3
    assert answers[2]["error"]["data"]["error"] == "invalid_json"
    assert answers[4]["error"]["data"]["error"] == "payload_too_large"
    assert answers[None]["error"]["data"]["error"] == "invalid_json"


async def test_an_api_that_refuses_or_is_away_is_told_as_an_error(stack: DevJson) -> None:
    initialize = [json.dumps(INITIALIZE).encode(), b'{"jsonrpc":"2.0","method":"notifications/initialized"}']
    unknown = await spoken(initialize, url=stack.api_url, key="ak_test_unknown")
    assert unknown["first"]["error"]["data"]["error"] == "invalid_api_key"
    away = await spoken(initialize, url="http://127.0.0.1:9", key="ak_test_unknown")
    assert away.keys() == {"first"}
    assert away["first"]["error"]["data"]["error"] == "unreachable"
    assert "ak_test_unknown" not in json.dumps([unknown, away])


async def test_without_a_key_it_does_not_start(stack: DevJson) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "AXIRU_API_KEY"}
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        env=environment | {"AXIRU_API_URL": stack.api_url},
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert b"AXIRU_API_KEY" in said
