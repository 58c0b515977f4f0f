"""A stand-in for Slack, an organization installed in it, and a worker's channel to it."""

import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import msgspec
import pytest

from activities.slack import SlackChannel
from axiru import ids
from axiru.database import rows
from axiru.domain.delivery import Happening, Outgoing
from axiru.settings import Settings
from axiru.vault import Vault
from ledger.acts.slack import install_slack, issue_link_code, link_slack

TOKEN = "xoxb-demo-token"


@pytest.fixture(scope="module")
def slack_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    state = str(tmp_path_factory.mktemp("slack"))
    options = ("--state", state, "--signing-secret", "0" * 32, "--api-url", "http://127.0.0.1:1")
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-m", "axiru.dev.slack_sandbox", "--port", str(port), *options]
    )
    deadline = time.monotonic() + 20
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/_sandbox/health")
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(10)


class Door:
    """One organization with Slack, and a worker's channel to it."""

    def __init__(self, house: Any, settings: Settings, url: str) -> None:
        self.house = house
        self.settings = msgspec.structs.replace(
            settings, slack_api_base=f"{url}/api/", console_url="https://console.example"
        )
        self.vault = Vault.from_settings(settings)
        self.channel = self.another_worker()
        self.http = httpx.AsyncClient(base_url=url, timeout=30)
        self.team_id = f"T{secrets.token_hex(6).upper()}"

    def another_worker(self) -> SlackChannel:
        return SlackChannel(self.settings, self.vault)

    async def install(self) -> None:
        await install_slack(
            organization_id=self.house.id,
            by_member_id=self.house.members["admin"],
            team_id=self.team_id,
            channel_id="C_APPROVALS",
            bot_token=TOKEN,
            vault=self.vault,
            signer=self.house.signer,
        )

    async def deliveries(self, skip: int = 0) -> list[Outgoing]:
        """Everything the channel plans for what the organization's test chain told, from entry `skip` on."""
        told = await rows(
            "SELECT organization_id, mode, seq, position, topic, payload, written_at FROM outbox "
            "WHERE organization_id = {} AND mode = 'test' AND seq > {} ORDER BY seq, position",
            self.house.id,
            skip,
        )
        planned = []
        for one in told:
            payload = msgspec.json.decode(one["payload"])
            planned += await self.channel.plan(msgspec.convert({**one, "payload": payload}, Happening))
        return [
            Outgoing(
                id=ids.new_id(ids.DELIVERY),
                organization_id=self.house.id,
                mode="test",
                target=one.target,
                event=one.event,
                body=one.body,
                attempt=1,
            )
            for one in planned
        ]

    async def link(self, login: str, slack_user_id: str) -> None:
        issued = await issue_link_code(organization_id=self.house.id, member_id=self.house.members[login])
        await link_slack(team_id=self.team_id, slack_user_id=slack_user_id, code=issued.code, signer=self.house.signer)

    async def send_all(self) -> None:
        """Every delivery there ever was, in order."""
        for outgoing in await self.deliveries():
            assert (await self.channel.send(outgoing)).outcome == "delivered"

    async def alarms(self, word: str) -> list[str]:
        """Messages of their own that have `word` in them."""
        messages = (await self.http.get("/_sandbox/state")).json()["messages"]
        return [one["text"] for one in messages if one["thread_ts"] is None and word in one["text"]]

    async def messages(self, approval_id: str) -> list[dict[str, Any]]:
        messages = (await self.http.get("/_sandbox/state")).json()["messages"]
        return [one for one in messages if approval_id in str(one["blocks"])]

    async def replies(self, message: dict[str, Any]) -> list[str]:
        messages = (await self.http.get("/_sandbox/state")).json()["messages"]
        return [one["text"] for one in messages if one["thread_ts"] == message["ts"]]

    async def fault(self, **fault: Any) -> None:
        (await self.http.post("/_sandbox/faults", json=fault)).raise_for_status()


@pytest.fixture
async def door(house: Any, settings: Settings, slack_url: str) -> AsyncIterator[Door]:
    door = Door(house, settings, slack_url)
    await door.install()
    await door.http.delete("/_sandbox/faults")
    yield door
    await door.http.aclose()


@pytest.fixture
async def approval_id(door: Door, refund: Callable[..., Any]) -> str:
    receipt = await door.house.decided(refund(door.house, 20_000))
    assert receipt.approval_id is not None
    return str(receipt.approval_id)
