"""What is told below an approval, and what stands as an alarm of its own."""

from datetime import UTC, datetime
from typing import Any

from axiru import ids
from axiru.database import row, rows
from axiru.domain.delivery import Happening, Outgoing
from axiru.domain.notice import Notice
from ledger.acts.break_glass import open_glass
from ledger.acts.control import engage, lift
from ledger.acts.discussion import assign, comment
from ledger.acts.notice import give_notice
from ledger.acts.organization import choose_break_glass


async def test_what_is_said_about_an_approval_is_told_below_it(door: Any, approval_id: str) -> None:
    house, who = door.house, {"organization_id": door.house.id, "signer": door.house.signer}
    await door.link("controller2", "U_FINANCE")
    asking = {"member_id": house.members["controller"], "door": "console", **who}
    await comment(approval_id, kind="comment", text="looks odd\nto me", **asking)
    await comment(approval_id, kind="question", text="whose is it?", **asking)
    await assign(approval_id, member_id=house.members["controller"], assignee_id=house.members["controller2"], **who)
    now = datetime.now(UTC)
    for number, (kind, role) in enumerate((("reminder", None), ("escalation", "admin")), start=1):
        await give_notice(approval_id, Notice(number, kind, now, role), mode="test", **who)

    await door.send_all()

    (message,) = await door.messages(approval_id)
    told = await door.replies(message)
    assert "*controller* said: looks odd to me" in told
    assert "*controller* asks: whose is it?" in told
    assert "Assigned to controller2. <@U_FINANCE>" in told
    assert ":bell: This still waits for a decision. <@U_FINANCE>" in told
    assert any(one.startswith(":rotating_light: From now on admin may stand in.") for one in told)
    shown = str(message["blocks"])
    assert "More information was asked for" in shown
    assert "Assigned to controller2" in shown


async def test_hold_and_its_release_are_told_below_it(door: Any, approval_id: str) -> None:
    house = door.house
    decision = await row("SELECT decision_id FROM approvals WHERE id = {}", approval_id)
    assert decision is not None
    held = await engage(
        organization_id=house.id,
        member_id=house.members["controller"],
        kind="hold",
        scope={"decision_id": decision["decision_id"]},
        applies_to="test",
        reason="ask the bank",
        expires_at=None,
        signer=house.signer,
    )
    await door.send_all()
    (message,) = await door.messages(approval_id)
    assert "On hold*: ask the bank" in str(message["blocks"])
    assert ":raised_hand: controller put it on hold: ask the bank" in await door.replies(message)

    await lift(
        organization_id=house.id,
        member_id=house.members["controller"],
        control_id=held.control_id,
        reason="the bank agrees",
        signer=house.signer,
    )
    await door.send_all()

    (message,) = await door.messages(approval_id)
    assert "On hold" not in str(message["blocks"])
    assert (await door.replies(message)).count(":arrow_forward: The hold was released.") == 1


async def test_glass_broken_alone_is_an_alarm_and_told_below_it(door: Any, approval_id: str) -> None:
    house, who = door.house, {"organization_id": door.house.id, "signer": door.house.signer}
    await choose_break_glass("one_with_alarm", by_member_id=house.members["admin"], **who)
    asked = await row("SELECT digest, decision_id FROM approvals WHERE id = {}", approval_id)
    assert asked is not None
    await open_glass(
        approval_id,
        member_id=house.members["controller"],
        reason="the shop burns",
        alone=True,
        digest=asked["digest"],
        **who,
    )

    await door.send_all()

    (message,) = await door.messages(approval_id)
    assert ":rotating_light: controller broke the glass alone: the shop burns" in await door.replies(message)
    assert "Break-glass used* by controller: the shop burns" in str(message["blocks"])
    (alarm,) = await door.alarms(asked["decision_id"])
    assert "approved" in alarm
    assert "alone, past everybody: the shop burns" in alarm


async def test_tripped_breaker_is_an_alarm(door: Any) -> None:
    breaker_id, trip_id, now = ids.new_id(ids.BREAKER), ids.new_id(ids.BREAKER_TRIP), datetime.now(UTC)
    await rows(
        "INSERT INTO breakers (id, organization_id, mode, name, metric, rail, rail_action, window_seconds, "
        "baseline_seconds, factor_percent, minimum, response, created_by, created_at, updated_at) "
        "VALUES ({}, {}, 'test', {}, 'count', 'stripe', 'refund', 60, 600, 300, 1, 'propose', {}, {}, {})",
        *(breaker_id, door.house.id, f"Spike {breaker_id}", door.house.members["admin"], now, now),
    )
    await rows(
        "INSERT INTO breaker_trips (id, organization_id, mode, breaker_id, state, observed, usual, threshold, scope, "
        "tripped_at) VALUES ({}, {}, 'test', {}, 'proposed', 40, 4, 12, '\"x\"'::jsonb, {})",
        *(trip_id, door.house.id, breaker_id, now),
    )
    happening = Happening(
        organization_id=door.house.id,
        mode="test",
        seq=1,
        position=0,
        topic="breaker",
        payload={"breaker_id": breaker_id, "trip_id": trip_id, "state": "proposed"},
        written_at=now,
    )

    (planned,) = await door.channel.plan(happening)
    outgoing = Outgoing(
        id=ids.new_id(ids.DELIVERY),
        organization_id=door.house.id,
        mode="test",
        attempt=1,
        target=planned.target,
        event=planned.event,
        body=planned.body,
    )
    assert (await door.channel.send(outgoing)).outcome == "delivered"

    (alarm,) = await door.alarms(breaker_id)
    assert "count of 40 where 4 is usual. A freeze is proposed" in alarm
