"""Whose movement was seen on Stripe: made for a decision, or made without asking; told once, in whatever order."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from axiru import ids
from axiru.database import row, rows
from axiru.domain.evaluation import Outcome
from axiru.domain.execution import ExecutionResult
from axiru.domain.movement import Target
from axiru.domain.seen_movement import SeenMovement
from ledger.acts.control import engage
from ledger.acts.intend import intend
from ledger.acts.observe import GRACE, Observed, SeenOn, observe
from ledger.acts.organization import choose_bypass_alerts
from ledger.acts.settle import settle
from ledger.verify_command import verify_database

CEILING = """
policy: refunds
schema: 2
applies_to: {rail: stripe}
rules:
  - id: ceiling
    when: {rolling_window: {measure: sum, per: customer, within: 24h, currency: usd, gt: 10000}}
    when_missing: skip
    effect: deny
"""


def seen(amount_cents: int = 5_000, **changes: Any) -> SeenMovement:
    """A refund of `ch_1`, made just now, that names nobody."""
    made = {
        "kind": "refund",
        "stripe_object_id": f"re_{ids.new_id('')}",
        "amount_cents": amount_cents,
        "currency": "usd",
        "made_at": datetime.now(UTC),
        "target": Target(charge="ch_1"),
        "status": "succeeded",
    }
    return SeenMovement(**{**made, **changes})


async def look(house: Any, movement: SeenMovement, *, told_at: datetime | None = None, late: bool = True) -> Observed:
    """Observe what an event told. `late`: long enough after it arrived to say that nobody asked."""
    now = datetime.now(UTC)
    on = SeenOn(
        organization_id=house.id,
        mode="test",
        connection_id=f"stripe_conn_{house.id}",
        account_id="acct_demo",
        received_at=now - 2 * GRACE if late else now,
        told_at=told_at or now,
    )
    return await observe(movement, on, signer=house.signer)


async def observed(house: Any, movement: SeenMovement) -> dict[str, Any]:
    found = await row(
        "SELECT * FROM observed_movements WHERE organization_id = {} AND stripe_object_id = {}",
        *(house.id, movement.stripe_object_id),
    )
    assert found is not None
    return found


async def bypass(house: Any, movement: SeenMovement) -> Any:
    """The receipt of the decision that is made of a movement nobody asked for."""
    told = await look(house, movement)
    assert (told.outcome, told.to_decide is not None) == ("bypass", True)
    return await house.decide(told.to_decide.decision_id)


async def test_refund_nobody_asked_for_is_decided_in_shadow_and_flagged(house: Any) -> None:
    movement = seen(20_000, customer_id="cus_17")

    receipt = await bypass(house, movement)

    assert (receipt.state, receipt.surface_mode, receipt.execute) == ("allowed", "shadow", "caller")
    assert (receipt.advisory.outcome, receipt.advisory.reason) == (Outcome.REVIEW, "large")
    stored = await row("SELECT bypass, source, charge, customer_id FROM decisions WHERE id = {}", receipt.decision_id)
    assert stored == {"bypass": True, "source": "stripe_event", "charge": "ch_1", "customer_id": "cus_17"}
    kinds = [entry["kind"] for entry in await house.entries() if entry["decision_id"] == receipt.decision_id]
    assert kinds == ["decision", "bypass"]
    (entry,) = await house.entries("bypass")
    assert entry["data"]["stripe_object_id"] == movement.stripe_object_id
    assert entry["data"]["why"] == "Nobody had asked for it."
    assert entry["data"]["advisory_outcome"] == "review"
    assert await rows("SELECT id FROM approvals WHERE decision_id = {}", receipt.decision_id) == []


async def test_bypass_is_decided_however_late(house: Any) -> None:
    told = await look(house, seen())
    await rows(
        "UPDATE requests SET asked_at = now() - interval '1 day' WHERE decision_id = {}", told.to_decide.decision_id
    )

    assert (await house.decide(told.to_decide.decision_id)).state == "allowed"


async def test_bypass_names_no_customer_in_the_ledger(house: Any) -> None:
    await bypass(house, seen(customer_id="cus_secret_4711"))

    assert all(b"cus_secret_4711" not in bytes(entry["body"]) for entry in await house.entries())


async def test_control_forbids_nothing_that_has_happened_but_is_told(house: Any) -> None:
    engaged = await engage(
        organization_id=house.id,
        member_id=house.members["controller"],
        kind="kill_switch",
        scope={},
        applies_to="test",
        reason="a drill",
        expires_at=None,
        signer=house.signer,
    )

    receipt = await bypass(house, seen())

    assert receipt.state == "allowed"
    assert (receipt.advisory.outcome, receipt.advisory.reason) == (Outcome.DENY, "kill_switch_engaged")
    assert receipt.advisory.matched_rule == f"control:{engaged.control_id}"


async def test_bypass_counts_in_the_budget_that_enforcement_reads(new_house: Any, refund: Any) -> None:
    house = await new_house()
    await house.activate(CEILING)
    await house.enforce()
    first = await bypass(house, seen(9_000, customer_id="cus_1"))
    assert await house.movement(first.decision_id) == "committed"

    asked = await house.decided(refund(house, 2_000, execute="caller", customer_id="cus_1"))
    second = await bypass(house, seen(1_500, customer_id="cus_1"))

    assert (asked.outcome, asked.reason) == (Outcome.DENY, "ceiling")
    assert second.advisory.outcome is Outcome.DENY


async def test_refund_that_came_to_nothing_counts_no_more(house: Any) -> None:
    movement = seen(status="pending")
    receipt = await bypass(house, movement)

    failed = msgspec.structs.replace(movement, status="failed")
    await look(house, failed, told_at=datetime.now(UTC) + timedelta(seconds=5))

    assert await house.movement(receipt.decision_id) == "released"
    assert (await observed(house, movement))["stripe_status"] == "failed"
    assert await house.state(receipt.decision_id) == "allowed"
    (entry,) = await house.entries("observation")
    assert entry["data"]["stripe_status"] == "failed"


async def test_refund_first_seen_when_it_had_failed_never_counts(house: Any) -> None:
    receipt = await bypass(house, seen(status="failed"))

    assert await house.movement(receipt.decision_id) == "released"


async def test_caller_made_what_was_allowed(house: Any, refund: Any) -> None:
    asked = await house.decided(refund(house, execute="caller"))
    movement = seen()

    assert (await look(house, movement)).outcome == "matched"

    found = await observed(house, movement)
    assert (found["decision_id"], found["bypass"]) == (asked.decision_id, False)
    assert await house.state(asked.decision_id) == "allowed"
    (entry,) = await house.entries("observation")
    assert entry["decision_id"] == asked.decision_id
    assert await house.entries("bypass") == []


async def test_decision_that_names_only_the_customer_covers_their_refund_alone(house: Any, refund: Any) -> None:
    ovt = msgspec.structs.replace(refund(house, execute="caller", customer_id="cus_1"), target=Target())
    await house.decided(ovt)

    assert (await look(house, seen(customer_id="cus_2"))).outcome == "bypass"
    assert (await look(house, seen())).outcome == "bypass"
    assert (await look(house, seen(customer_id="cus_1"))).outcome == "matched"
    assert (await look(house, seen(customer_id="cus_1"))).outcome == "bypass"


async def test_decision_that_names_nothing_covers_what_names_it(house: Any, refund: Any) -> None:
    asked = await house.decided(msgspec.structs.replace(refund(house, execute="caller"), target=Target()))

    assert (await look(house, seen())).outcome == "bypass"
    assert (await look(house, seen(named=asked.decision_id))).outcome == "matched"


async def test_one_decision_covers_one_movement(house: Any, refund: Any) -> None:
    asked = await house.decided(refund(house, execute="caller"))

    assert (await look(house, seen())).outcome == "matched"
    again = seen(named=asked.decision_id)
    assert (await look(house, again)).outcome == "bypass"
    assert "used for another movement" in (await observed(house, again))["why"]


async def test_grace_is_given_before_anything_is_called_a_bypass(house: Any, refund: Any) -> None:
    movement = seen()
    assert (await look(house, movement, late=False)).outcome == "waiting"
    assert await rows("SELECT 1 AS one FROM observed_movements WHERE organization_id = {}", house.id) == []

    await house.decided(refund(house, execute="caller"))

    assert (await look(house, movement, late=False)).outcome == "matched"


@pytest.mark.parametrize(
    ("movement", "why"),
    [
        ({"amount_cents": 5_001}, "for another amount"),
        ({"currency": "eur"}, "for another amount"),
        ({"target": Target(charge="ch_2")}, "for something else"),
        ({"kind": "transfer", "target": Target(destination="acct_1")}, "about a refund"),
        ({"made_at": datetime.now(UTC) - timedelta(seconds=90)}, "made only after it"),
    ],
)
async def test_naming_an_unfitting_decision_hides_nothing(
    house: Any, refund: Any, superuser: asyncpg.Connection, movement: dict[str, Any], why: str
) -> None:
    made_earlier = "UPDATE stripe_connections SET created_at = now() - interval '1 day' WHERE organization_id = $1"
    await superuser.execute(made_earlier, house.id)
    asked = await house.decided(refund(house, execute="caller"))
    forged = seen(**{"amount_cents": 5_000, **movement, "named": asked.decision_id})

    assert (await look(house, forged)).outcome == "bypass"

    stored = (await observed(house, forged))["why"]
    assert asked.decision_id in stored
    assert why in stored


async def test_naming_somebody_elses_decision_hides_nothing(house: Any, new_house: Any, refund: Any) -> None:
    other = await new_house()
    await other.enforce()
    theirs = await other.decided(refund(other, execute="caller"))
    live = await house.decided(refund(house, execute="caller"), "live")

    for named in (theirs.decision_id, live.decision_id, "ed_nothing"):
        forged = seen(named=named)
        assert (await look(house, forged)).outcome == "bypass"
        assert (await observed(house, forged))["why"] == "It names a decision that there is not."


async def test_naming_another_bypass_hides_nothing(house: Any) -> None:
    first = await bypass(house, seen())

    assert (await look(house, seen(named=first.decision_id))).outcome == "bypass"


async def test_decision_about_another_account_covers_nothing(house: Any, refund: Any) -> None:
    ovt = refund(house, execute="caller")
    elsewhere = msgspec.structs.replace(ovt.merchant, stripe_connection_id="stripe_conn_another")
    asked = await house.decided(msgspec.structs.replace(ovt, merchant=elsewhere))

    assert (await look(house, seen())).outcome == "bypass"
    assert (await look(house, seen(named=asked.decision_id))).outcome == "bypass"


async def test_what_was_denied_and_made_all_the_same_says_so(house: Any, refund: Any) -> None:
    denied = await house.decided(refund(house, 99_000, execute="caller"))
    asked = await house.decided(refund(house, 20_000, execute="caller"))
    made, unapproved = seen(99_000), seen(20_000, named=asked.decision_id)

    for movement in (made, unapproved):
        await bypass(house, movement)

    assert (await observed(house, made))[
        "why"
    ] == f"Decision {denied.decision_id} denied it, and it was made all the same."
    assert f"{asked.decision_id} still waits for approval" in (await observed(house, unapproved))["why"]


async def test_what_axiru_makes_is_told_apart_only_by_its_own_answer(house: Any, refund: Any) -> None:
    """The webhook may be faster than the answer to the call."""
    asked = await house.decided(refund(house))
    whose = {"organization_id": house.id, "mode": "test", "signer": house.signer}
    await intend(asked.decision_id, uncertain_seconds=40, **whose)
    movement, forged = seen(named=asked.decision_id), seen(named=asked.decision_id)

    for one in (movement, forged):
        assert (await look(house, one)).outcome == "waiting"

    await settle(asked.decision_id, ExecutionResult(True, movement.stripe_object_id, "succeeded"), **whose)
    assert (await look(house, movement)).outcome == "matched"
    assert (await look(house, forged)).outcome == "bypass"
    assert (await observed(house, movement))["decision_id"] == asked.decision_id
    assert await house.state(asked.decision_id) == "executed"
    assert await house.entries("observation") == []


async def test_naming_what_axiru_has_not_begun_hides_nothing(house: Any, refund: Any) -> None:
    asked = await house.decided(refund(house))

    assert (await look(house, seen(named=asked.decision_id))).outcome == "bypass"


async def test_in_shadow_axiru_executes_nothing_so_the_caller_does(new_house: Any, refund: Any) -> None:
    house = await new_house()
    await house.decided(refund(house, execute="axiru"))

    assert (await look(house, seen())).outcome == "matched"


async def test_movement_from_before_the_connection_is_history(house: Any) -> None:
    old = seen(made_at=datetime.now(UTC) - timedelta(days=2))

    assert (await look(house, old)).outcome == "history"
    assert await rows("SELECT 1 AS one FROM observed_movements WHERE organization_id = {}", house.id) == []


async def test_payouts_and_transfers_are_told_apart_by_destination(house: Any, refund: Any) -> None:
    def asking(action: str, target: Target) -> Any:
        return msgspec.structs.replace(refund(house, execute="caller", rail_action=action), target=target)

    await house.decided(asking("payout", Target()))
    await house.decided(asking("transfer", Target(destination="acct_1")))
    await house.decided(asking("payout", Target(payout="po_taken_back")))

    payout = {"kind": "payout", "target": Target(destination="ba_1")}
    assert (await look(house, seen(**payout))).outcome == "matched"
    assert (await look(house, seen(**payout))).outcome == "bypass"
    assert (await look(house, seen(kind="transfer", target=Target(destination="acct_2")))).outcome == "bypass"
    assert (await look(house, seen(kind="transfer", target=Target(destination="acct_1")))).outcome == "matched"


async def test_lost_worker_leaves_a_bypass_that_is_decided_by_the_next(house: Any) -> None:
    movement = seen()
    first = await look(house, movement)

    again = await look(house, movement)
    await house.decide(again.to_decide.decision_id)

    assert (again.outcome, again.to_decide) == ("known", first.to_decide)
    assert (await look(house, movement)).to_decide is None


@pytest.mark.parametrize("seed", range(4))
async def test_order_and_repetition_of_events_change_nothing(new_house: Any, refund: Any, seed: int) -> None:
    """Created, updated and failed, told twice each and shuffled: the same rows as told once in their order."""
    told_in_order, shuffled = await _ended(new_house, refund, None), await _ended(new_house, refund, seed)

    assert shuffled == told_in_order


async def test_ledger_with_bypasses_verifies(house: Any, refund: Any, settings: Any) -> None:
    await house.decided(refund(house, execute="caller"))
    await look(house, seen())
    await bypass(house, seen(7_000))

    assert (await verify_database(settings.database_url, house.id, None)).intact


async def test_bypass_tells_the_channels_the_organization_chose(house: Any) -> None:
    async def told() -> list[str]:
        found = await rows(
            "SELECT payload FROM outbox WHERE organization_id = {} AND topic = 'bypass' ORDER BY seq DESC", house.id
        )
        return list(msgspec.json.decode(found[0]["payload"])["alerts"])

    await bypass(house, seen())
    assert await told() == ["console", "slack", "email", "webhook"]

    await choose_bypass_alerts(
        ["email"], organization_id=house.id, by_member_id=house.members["admin"], signer=house.signer
    )
    await bypass(house, seen())
    assert await told() == ["email"]


async def _ended(new_house: Any, refund: Any, seed: int | None) -> list[Any]:
    """What three refunds come to, of which one was asked for; told in order, or shuffled and twice."""
    house = await new_house()
    await house.enforce()
    await house.activate(CEILING)
    await house.decided(refund(house, 3_000, execute="caller"))
    began = datetime.now(UTC)
    words = []
    for number, statuses in enumerate((["pending", "succeeded"], ["pending", "succeeded", "failed"], ["succeeded"])):
        movement = seen(3_000 + number, stripe_object_id=f"re_{number}", made_at=began)
        for at, status in enumerate(statuses):
            # The first two words of each are of the same second.
            words.append((msgspec.structs.replace(movement, status=status), began + timedelta(seconds=at // 2)))
    if seed is not None:
        words = [*words, *words]
        random.Random(seed).shuffle(words)  # noqa: S311 - a test's order
    for movement, told_at in words:
        told = await look(house, movement, told_at=told_at)
        if told.to_decide is not None:
            await house.decide(told.to_decide.decision_id)
    return await rows(
        """
        SELECT o.stripe_object_id, o.kind, o.bypass, o.why, o.stripe_status, o.told_at - {}::timestamptz AS told_after,
            d.state, d.bypass AS decision_bypass, d.amount_cents, m.state AS movement_state
        FROM observed_movements o JOIN decisions d ON d.id = o.decision_id
        LEFT JOIN movements m ON m.decision_id = d.id
        WHERE o.organization_id = {} ORDER BY o.stripe_object_id
        """,
        began,
        house.id,
    )
