"""What approvers and backends are told of an agent's question: who would pay whom, on which rail, of which asset."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from activities.webhook_message import message
from axiru.database import rows
from axiru.dev.slack_sandbox.checking import faults_of_message
from axiru.domain.approval_sheet import ApprovalSheet
from axiru.domain.authorization import ENDPOINT
from axiru.domain.delivery import Outgoing
from axiru.domain.movement import Amount, Counterparty, Initiator, Ovt
from axiru.domain.sheet_lines import headline, sections
from axiru.slack.approval_message import approval_message
from ledger.approval_sheet import read_sheet

POLICY = """
policy: agents
schema: 2
applies_to: {{rail: {rail}}}
rules:
  - id: looked_at
    when: {{initiator_kind: agent}}
    effect: review
    approvers: {{role: controller}}
"""
USDC = "eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"


async def asked(house: Any, rail: str, rail_action: str, amount: Amount, counterparty: Counterparty) -> ApprovalSheet:
    """The sheet of what an agent asked for, in an organization that looks at all of it."""
    await house.activate(POLICY.format(rail=rail))
    await _enforce(house, rail, rail_action)
    ovt = Ovt(
        rail=rail,
        rail_action=rail_action,
        amount=amount,
        initiator=Initiator("agent", "agent_7", ("payments:write", "travel")),
        counterparty=counterparty,
    )
    receipt = await house.decide(await house.ask(ovt, endpoint=ENDPOINT))
    sheet = await read_sheet(receipt.approval_id)
    assert sheet is not None
    return sheet


async def _enforce(house: Any, rail: str, rail_action: str) -> None:
    await rows(
        "INSERT INTO surfaces (id, organization_id, mode, stripe_connection_id, rail, rail_action, surface_mode, "
        "updated_at) VALUES ({}, {}, 'test', '', {}, {}, 'enforce', now())",
        f"{house.id}/{rail}",
        house.id,
        rail,
        rail_action,
    )


def told(sheet: ApprovalSheet) -> dict[str, str]:
    return {line.label: line.value for section in sections(sheet) for line in section.lines}


async def test_every_door_names_the_agent_its_rail_and_who_is_paid(new_house: Any) -> None:
    sheet = await asked(
        await new_house(),
        "stripe_daa",
        "agent_payment",
        Amount("60000", "usd"),
        Counterparty("vendor_1", "acct_9", "DE"),
    )

    assert headline(sheet) == "Agent payment of $600.00 (test)"
    lines = told(sheet)
    assert (lines["Amount"], lines["Rail"]) == ("$600.00 USD", "stripe daa")
    assert (lines["Who would pay"], lines["Under its scopes"]) == ("agent agent_7", "payments:write, travel")
    assert (lines["Paid to"], lines["Paid to account"], lines["Paid to country"]) == ("vendor_1", "acct_9", "DE")
    assert "the agent gets a token" in lines["By Axiru"]
    sent = approval_message(sheet, "https://console.example")
    said = msgspec.json.encode(sent.blocks).decode()
    assert sent.text == "TEST · Agent payment of $600.00 needs approval (pending)"
    for part in ("agent_7", "payments:write, travel", "vendor_1", "acct_9", "stripe_daa", "gets a token"):
        assert part in said
    assert "*Customer*" not in said
    assert "*Deadline*" in said
    assert faults_of_message(sent.blocks) == []


@pytest.mark.parametrize(("payee", "said"), [("merchant_1", True), ("acct_9", False)])
async def test_an_account_that_no_mandate_names_is_shown_as_the_agents_word(
    new_house: Any, payee: str, said: bool
) -> None:
    seen = await asked(await new_house(), "stripe_daa", "agent_payment", Amount("60000", "usd"), Counterparty("vendor"))
    sheet = msgspec.structs.replace(seen, rail="ap2", counterparty=Counterparty(payee, "acct_9"))

    assert told(sheet).get("Paid to account, as the agent says") == ("acct_9" if said else None)
    assert ("Paid to account" in told(sheet)) is not said
    sent = msgspec.json.encode(approval_message(sheet, "https://console.example").blocks).decode()
    assert ("as the agent says" in sent) is said


@pytest.mark.parametrize(("units", "shown"), [("1500000", "1.50 USDC"), ("9" * 60, "USDC")])
async def test_amounts_of_another_asset_are_said_by_its_decimals(new_house: Any, units: str, shown: str) -> None:
    sheet = await asked(
        await new_house(),
        "x402",
        "payment",
        Amount(units, USDC, 6),
        Counterparty("0x209693Bc6afc0C5328bA36FaF03C514EF312287C"),
    )

    assert sheet.amount == Amount(units, USDC, 6)
    assert shown in headline(sheet)
    assert USDC in told(sheet)["Amount"]
    assert shown in approval_message(sheet, "").text


async def test_a_webhook_says_which_agents_question_was_answered_and_never_the_token(new_house: Any) -> None:
    house = await new_house()
    sheet = await asked(house, "stripe_daa", "agent_payment", Amount("60000", "usd"), Counterparty())
    await house.vote(sheet.approval_id)
    happened = {"decision_id": sheet.decision_id, "state": "approved"}
    now = datetime.now(UTC)

    sent = await message(
        msgspec.convert(
            {
                "id": "del_1",
                "organization_id": house.id,
                "mode": "test",
                "target": "we_1",
                "event": "authorization.approved",
                "body": {"at": now.isoformat(), "told": happened},
                "attempt": 1,
            },
            Outgoing,
        )
    )

    read = msgspec.json.decode(sent)
    assert (read["type"], read["data"]["decision_id"]) == ("authorization.approved", sheet.decision_id)
    decision = read["data"]["decision"]
    assert (decision["state"], decision["rail"], decision["initiator_id"]) == ("approved", "stripe_daa", "agent_7")
    assert (decision["amount_cents"], decision["amount"]["units"]) == (60_000, "60000")
    assert b"eyJ" not in sent
