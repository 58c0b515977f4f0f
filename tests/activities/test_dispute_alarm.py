"""Who is told of a dispute, and what: by mail to those who answer for the organization, by webhook to endpoints."""

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from activities.dispute_alarm import read_dispute_alarm
from activities.email import EmailChannel
from activities.email_letters import dispute_letter
from activities.webhook_message import message
from axiru import ids
from axiru.database import connected, rows
from axiru.domain.delivery import Happening, Outgoing
from axiru.domain.dispute import DisputeFacts
from axiru.settings import Settings
from axiru.tables import ALL_TABLES, ChainHead
from axiru.vault import Vault
from ledger.acts.dispute import record_dispute
from ledger.acts.evidence import give_facts
from ledger.keys import load_signer


@pytest.fixture
async def dispute_id(settings: Settings) -> AsyncIterator[str]:
    """A dispute of the demo organization, with a fact in its evidence that names the customer."""
    before = ChainHead._meta._db
    async with connected(settings):
        signer = await load_signer(Vault.from_settings(settings))
        facts = DisputeFacts(
            id=f"du_{secrets.token_hex(8)}",
            charge="ch_1",
            amount_cents=123_400,
            currency="usd",
            reason="product_not_received",
            status="needs_response",
            evidence_due_by=datetime(2031, 4, 1, 12, 30, tzinfo=UTC),
            submission_count=0,
            opened_at=datetime(2031, 3, 20, tzinfo=UTC),
        )
        place: dict[str, Any] = {"organization_id": "org_demo", "mode": "test", "signer": signer}
        await record_dispute(facts, stripe_connection_id="stripe_conn_demo", stripe_account_id="acct_demo", **place)
        await give_facts(facts.id, {"customer_name": "Ann Example"}, by="key_1", **place)
        yield facts.id
    for table in ALL_TABLES:
        table._meta._db = before


async def _mailed(settings: Settings, payload: dict[str, Any]) -> set[str]:
    """The roles of whom the channel would mail of this happening."""
    channel = EmailChannel(
        msgspec.structs.replace(settings, smtp_host="127.0.0.1", mail_from="axiru@demo.example"),
        Vault.from_settings(settings),
    )
    happening = Happening(
        organization_id="org_demo",
        mode="test",
        seq=1,
        position=0,
        topic="dispute",
        payload=payload,
        written_at=datetime.now(UTC),
    )
    told = [planned.target for planned in await channel.plan(happening)]
    found = await rows("SELECT roles FROM members WHERE id = ANY({}::text[])", told)
    return {role for one in found for role in one["roles"]}


@pytest.mark.parametrize("state", ["due_soon", "past_due", "degraded"])
async def test_admins_and_controllers_are_mailed_when_a_deadline_counts(
    state: str, dispute_id: str, settings: Settings
) -> None:
    assert {"admin", "controller"} <= await _mailed(settings, {"dispute_id": dispute_id, "state": state})


@pytest.mark.parametrize("state", ["opened", "changed", "closed", "packet_built", "staged", "submitted"])
async def test_nobody_is_mailed_of_what_runs_by_itself(state: str, dispute_id: str, settings: Settings) -> None:
    assert await _mailed(settings, {"dispute_id": dispute_id, "state": state}) == set()


async def test_a_mail_says_what_is_at_stake_and_names_no_customer(dispute_id: str) -> None:
    told = {"dispute_id": dispute_id, "state": "degraded", "why": "approval_unanswered", "decision_id": "ed_1"}
    alarm = await read_dispute_alarm("org_demo", "test", "dispute.degraded", told)
    assert alarm is not None
    letter = dispute_letter(alarm, name="Admin", console_url="https://console.example/")
    said = str(letter)
    for word in ("$1,234.00", dispute_id, "product not received", "2031-04-01 12:30", "Nobody answered the approval"):
        assert word in said
    assert letter.link == ("Open in the console", f"https://console.example/disputes/{dispute_id}")
    assert "Ann" not in said


async def test_there_is_nothing_to_say_of_a_dispute_that_is_not_there(dispute_id: str) -> None:
    for organization_id, mode, wanted in (("org_demo", "live", dispute_id), ("org_demo", "test", "du_unknown")):
        assert await read_dispute_alarm(organization_id, mode, "dispute.due_soon", {"dispute_id": wanted}) is None


async def test_a_webhook_carries_the_dispute_and_none_of_its_evidence(dispute_id: str) -> None:
    told = {"dispute_id": dispute_id, "state": "due_soon"}
    outgoing = Outgoing(
        id=ids.new_id(ids.DELIVERY),
        organization_id="org_demo",
        mode="test",
        target="we_1",
        event="dispute.due_soon",
        body={"at": "2031-03-31T12:30:00Z", "told": told},
        attempt=1,
    )
    body = await message(outgoing)
    data = msgspec.json.decode(body)["data"]
    assert (data["dispute_id"], data["dispute"]["status"]) == (dispute_id, "needs_response")
    assert data["dispute"]["amount_cents"] == 123_400
    assert b"Ann" not in body
