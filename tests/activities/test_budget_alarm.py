"""Who is told of a budget that fills up, and what: whoever answers for the agent, and finance; nobody in shadow."""

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from activities.budget_alarm import answerable, read_budget_alarm
from activities.email import EmailChannel
from activities.email_letters import budget_letter
from activities.slack.alarms import alarm_text
from activities.slack.planning import plan
from axiru.database import connected, row, rows
from axiru.domain.delivery import Happening
from axiru.settings import Settings
from axiru.tables import ALL_TABLES, ChainHead
from axiru.vault import Vault
from ledger.acts.agent import WantedAgent, register
from ledger.keys import load_signer

TOKEN = f"eip155:1/erc20:0x{'ab' * 20}"

NO_INSTALLATION: Any = None
"""Alarms go to the channel of whatever workspace there is when they are sent."""


@pytest.fixture(autouse=True)
async def database(settings: Settings) -> AsyncIterator[None]:
    before = ChainHead._meta._db
    async with connected(settings):
        yield
    for table in ALL_TABLES:
        table._meta._db = before


@pytest.fixture
async def agent(settings: Settings, database: None) -> str:
    """An agent of the demo organization that its agent owner answers for."""
    agent_id = f"agent_{secrets.token_hex(8)}"
    owner = await row("SELECT id FROM members WHERE email = 'agents@demo.example'")
    assert owner is not None
    await register(
        WantedAgent(agent_id=agent_id, name="Billing\nreconciler", owner_member_id=owner["id"]),
        organization_id="org_demo",
        by_member_id=owner["id"],
        signer=await load_signer(Vault.from_settings(settings)),
    )
    return agent_id


def told(subject: str | None = "agent_1", **other: Any) -> dict[str, Any]:
    rule = {
        "policy": "daa-starter",
        "version": 1,
        "rule_id": "rolling_window_exceeded",
        "effect": "deny",
        "ceiling_units": other.get("ceiling_units", "100000"),
        "percent": 85,
    }
    return {
        "state": "threshold_reached",
        **rule,
        "rules": [rule],
        "measure": "sum",
        "per": "initiator",
        "subject": subject,
        "rail": "stripe_daa",
        "asset": "usd",
        "window_seconds": 86_400,
        "used_units": "85000",
        "surface_mode": "enforce",
        "decision_id": "ed_1",
        **other,
    }


def happening(payload: dict[str, Any]) -> Happening:
    return Happening(
        organization_id="org_demo",
        mode="test",
        seq=1,
        position=0,
        topic="budget",
        payload=payload,
        written_at=datetime.now(UTC),
    )


async def _mailed(settings: Settings, payload: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The roles of whom the channel would mail, and of what."""
    mailing = msgspec.structs.replace(settings, smtp_host="127.0.0.1", mail_from="axiru@demo.example")
    planned = await EmailChannel(mailing, Vault.from_settings(settings)).plan(happening(payload))
    found = await rows("SELECT roles FROM members WHERE id = ANY({}::text[])", [each.target for each in planned])
    return {role for one in found for role in one["roles"]}, {each.event for each in planned}


@pytest.mark.parametrize("state", ["threshold_reached", "exhausted"])
async def test_who_answers_for_the_agent_and_finance_are_mailed(settings: Settings, agent: str, state: str) -> None:
    for spelled in (agent, agent.upper()):
        roles, events = await _mailed(settings, told(spelled, state=state))
        assert roles == {"agent_owner", "finance_manager"}
        assert events == {f"budget.{state}"}


async def test_finance_is_mailed_of_what_nobody_else_answers_for(settings: Settings, agent: str) -> None:
    for payload in (told("agent_of_nobody"), told(None, per="organization"), told(agent, per="counterparty")):
        assert (await _mailed(settings, payload))[0] == {"finance_manager"}


async def test_whoever_turned_mails_off_gets_none(settings: Settings, agent: str) -> None:
    assert len(await answerable("org_demo", told(agent))) > len(await answerable("org_demo", told("nobody")))
    await rows("UPDATE members SET notify_by_email = false WHERE email = 'agents@demo.example'")
    try:
        assert (await _mailed(settings, told(agent)))[0] == {"finance_manager"}
    finally:
        await rows("UPDATE members SET notify_by_email = true WHERE email = 'agents@demo.example'")


async def test_nobody_is_called_for_what_is_only_watched(settings: Settings, agent: str) -> None:
    watched = told(agent, surface_mode="shadow")
    assert (await _mailed(settings, watched)) == (set(), set())
    assert await plan(happening(watched), NO_INSTALLATION) == []


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (told(), ("Budget at 85 %", "$850.00 of $1,000.00", "24 hours", "agent_1", "daa-starter v1", "is denied")),
        (told(state="exhausted", effect="review"), ("Budget used up", "needs approval")),
        (told(None, per="customer"), ("one customer",)),
        (told(None, per="organization", window_seconds=604_800), ("the organization", "7 days")),
        (told("acct_1", per="counterparty", window_seconds=90), ("counterparty acct_1", "90 seconds")),
        (told("acct_1", per="counterparty", window_seconds=1), ("counterparty acct_1", "1 second")),
        (
            told(asset=None, measure="count", used_units="1", ceiling_units="3", window_seconds=3_600),
            ("1 movement of 3 movements", "1 hour"),
        ),
        (told(asset=TOKEN, used_units=str(10**30)), (f"{10**30} units of {TOKEN}",)),
    ],
)
async def test_mail_and_slack_say_whose_how_much_and_what_follows(payload: dict[str, Any], words: Any) -> None:
    alarm = await read_budget_alarm("org_demo", "test", payload)
    letter = budget_letter(alarm, name="Finance", console_url="https://console.example/")
    (planned,) = await plan(happening(payload), NO_INSTALLATION)
    slack = (await alarm_text(planned.body)).text
    for word in words:
        assert word in str(letter)
        assert word in slack
    assert letter.link is not None
    assert letter.link[1] == "https://console.example/decisions/ed_1"


async def test_all_policies_of_a_window_are_named_and_other_ceilings_too(settings: Settings) -> None:
    payload = told()
    guard = {**payload["rules"][0], "policy": "guard", "rule_id": "same"}
    payload["rules"] += [guard, {**guard, "policy": "wider", "ceiling_units": "106000"}]
    alarm = await read_budget_alarm("org_demo", "test", payload)
    rules = "daa-starter v1, rolling_window_exceeded; guard v1, same; wider v1, same ($1,060.00)"
    assert rules in str(budget_letter(alarm, name="Finance", console_url=""))
    (planned,) = await plan(happening(payload), NO_INSTALLATION)
    assert rules in (await alarm_text(planned.body)).text


async def test_a_registered_agent_goes_by_its_name_and_breaks_no_line(agent: str) -> None:
    alarm = await read_budget_alarm("org_demo", "test", told(agent))
    assert "Billing" in alarm.of
    letter = budget_letter(alarm, name="Finance", console_url="")
    assert "\n" not in letter.subject
