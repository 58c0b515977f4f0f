"""Decide on a real PostgreSQL: once, in one order, behind every ceiling, and without a personal value in the ledger."""

import asyncio
import itertools
from typing import Any

import asyncpg
import msgspec
import pytest

from axiru.database import rows
from axiru.domain.evaluation import Outcome
from axiru.domain.movement import Merchant
from ledger.acts.decide import RequestStale
from ledger.acts.projection import RequestUnknown
from ledger.verify_command import verify_database

CEILING = """
policy: ceiling
schema: 2
applies_to: {rail: stripe}
rules:
  - id: ceiling
    when: {rolling_window: {measure: sum, per: initiator, within: 24h, currency: usd, gt: 1000}}
    effect: deny
"""


async def test_deciding_again_returns_the_first_receipt_and_seals_nothing(house: Any, refund: Any) -> None:
    for amount_cents in (5_000, 20_000, 99_000):
        decision_id = await house.ask(refund(house, amount_cents))

        first, second = await house.decide(decision_id), await house.decide(decision_id)

        assert first == second
        assert [entry["decision_id"] for entry in await house.entries("decision")].count(decision_id) == 1


async def test_one_request_decided_by_many_at_once_has_one_entry(house: Any, refund: Any) -> None:
    decision_id = await house.ask(refund(house))

    receipts = await asyncio.gather(*(house.decide(decision_id) for _ in range(8)))

    assert all(receipt == receipts[0] for receipt in receipts)
    assert len(await house.entries("decision")) == 1


async def test_concurrent_decisions_leave_one_chain_without_gaps(house: Any, refund: Any, settings: Any) -> None:
    requests = [await house.ask(refund(house, 1_000 + number)) for number in range(24)]

    await asyncio.gather(*(house.decide(decision_id) for decision_id in requests))

    sealed = await house.entries()
    assert [entry["seq"] for entry in sealed] == list(range(1, len(sealed) + 1))
    assert all(after["prev_hash"] == before["entry_hash"] for before, after in itertools.pairwise(sealed))
    assert [entry["sealed_at"] for entry in sealed] == sorted(entry["sealed_at"] for entry in sealed)
    report = await verify_database(settings.database_url, house.id, None)
    assert report.intact


async def test_concurrent_movements_never_pass_a_ceiling(new_house: Any, refund: Any) -> None:
    house = await new_house()
    await house.activate(CEILING)
    await house.enforce()
    requests = [await house.ask(refund(house, 100)) for _ in range(24)]

    receipts = await asyncio.gather(*(house.decide(decision_id) for decision_id in requests))

    assert sum(receipt.outcome is Outcome.ALLOW for receipt in receipts) == 10
    assert {receipt.reason for receipt in receipts if receipt.outcome is Outcome.DENY} == {"ceiling"}
    held = await rows("SELECT sum(units) AS units FROM movements WHERE organization_id = {}", house.id)
    assert held[0]["units"] == 1_000


async def test_shadow_allows_advises_and_is_counted_apart(new_house: Any, refund: Any) -> None:
    house = await new_house()
    await house.activate(CEILING)
    for _ in range(10):
        await house.decided(refund(house, 100))

    beyond = await house.decided(refund(house, 100))

    assert (beyond.outcome, beyond.state, beyond.surface_mode) == (Outcome.ALLOW, "allowed", "shadow")
    assert beyond.advisory is not None
    assert (beyond.advisory.outcome, beyond.advisory.reason) == (Outcome.DENY, "ceiling")
    assert (beyond.advisory.matched_rule, beyond.advisory.policy_version) == ("policy:ceiling:v1", "v1")
    assert await house.movement(beyond.decision_id) is None
    await house.enforce()
    enforced = await house.decided(refund(house, 1_000))
    assert enforced.outcome is Outcome.ALLOW


async def test_shadow_asks_nobody_and_seals_no_call(new_house: Any, refund: Any) -> None:
    house = await new_house()
    await house.activate(CEILING.replace("effect: deny", "effect: review\n    approvers: {role: controller}"))

    receipt = await house.decided(refund(house, 2_000))

    assert (receipt.state, receipt.approval_id) == ("allowed", None)
    assert receipt.advisory is not None
    assert receipt.advisory.outcome is Outcome.REVIEW
    assert await rows("SELECT id FROM approvals WHERE organization_id = {}", house.id) == []
    assert (await house.entries("decision"))[0]["data"]["call"] is None


async def test_surface_without_an_active_policy_is_denied(new_house: Any, refund: Any) -> None:
    house = await new_house()
    await house.enforce()
    await house.publish(CEILING)

    receipt = await house.decided(refund(house))

    assert (receipt.outcome, receipt.reason, receipt.policy_version) == (Outcome.DENY, "no_active_policy", None)


async def test_of_several_active_policies_the_severest_word_counts(house: Any, refund: Any) -> None:
    await house.activate(CEILING.replace("policy: ceiling", "policy: zz-last"))

    both_allow = await house.decided(refund(house, 100))
    one_denies = await house.decided(refund(house, 20_000))
    other_denies = await house.decided(refund(house, 99_000))

    assert both_allow.outcome is Outcome.ALLOW
    assert (one_denies.outcome, one_denies.matched_rule) == (Outcome.DENY, "policy:zz-last:v1")
    assert other_denies.outcome is Outcome.DENY


async def test_retired_version_decides_nothing(house: Any, refund: Any) -> None:
    await house.activate(CEILING.replace("policy: ceiling", "policy: refunds"))

    receipt = await house.decided(refund(house, 5_000))

    assert (receipt.outcome, receipt.policy_version, receipt.reason) == (Outcome.DENY, "v2", "ceiling")


async def test_request_nobody_asked_for_lately_waits_until_it_is_asked_for_again(house: Any, refund: Any) -> None:
    decision_id = await house.ask(refund(house))
    await _asked(decision_id, "61 seconds")

    with pytest.raises(RequestStale):
        await house.decide(decision_id)
    assert await house.entries("decision") == []

    await _asked(decision_id, "0 seconds")
    assert (await house.decide(decision_id)).state == "allowed"


async def test_decided_request_is_never_stale(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house))
    await _asked(receipt.decision_id, "2 days")

    assert await house.decide(receipt.decision_id) == receipt


async def test_request_that_was_not_recorded_is_unknown(house: Any) -> None:
    with pytest.raises(RequestUnknown):
        await house.decide("ed_never")


async def test_budget_is_given_back_by_denial_and_kept_by_approval(house: Any, refund: Any) -> None:
    denied, approved = [await house.decided(refund(house, 20_000)) for _ in range(2)]
    refused = await house.decided(refund(house, 99_000))

    await house.vote(denied.approval_id, verdict="deny", reason="no receipt")
    await house.vote(approved.approval_id)

    assert await house.movement(denied.decision_id) == "released"
    assert await house.movement(approved.decision_id) == "reserved"
    assert await house.movement(refused.decision_id) is None


async def test_ledger_holds_no_personal_value_and_stays_intact_when_they_are_erased(
    house: Any, refund: Any, settings: Any, superuser: asyncpg.Connection
) -> None:
    personal = {
        "customer_id": "cus_zoe_4711",
        "customer_email": "zoe@example.com",
        "extra": {"note": "lives in Ulm"},
    }
    receipt = await house.decided(refund(house, 20_000, metadata={"ticket": "Zoë called"}, **personal))
    await house.vote(receipt.approval_id)

    bodies = b"".join(bytes(entry["body"]) for entry in await house.entries())
    for value in ("cus_zoe_4711", "zoe@example.com", "Ulm", "Zoë", "Zo\\u00eb"):
        assert value.encode() not in bodies
    kept = await rows("SELECT path FROM personal_values WHERE organization_id = {} ORDER BY path", house.id)
    assert {"ovt.context.customer_id", "ovt.context.customer_email", "ovt.context.extra", "ovt.metadata"} <= {
        value["path"] for value in kept
    }
    before = await verify_database(settings.database_url, house.id, None)
    await rows("DELETE FROM personal_values WHERE organization_id = {}", house.id)
    after = await verify_database(settings.database_url, house.id, None)
    assert before.intact
    assert after.intact
    assert sum(verdict.erased_values for verdict in after.verdicts) == len(kept)


async def test_personal_value_that_was_changed_is_found(
    house: Any, refund: Any, settings: Any, superuser: asyncpg.Connection
) -> None:
    await house.decided(refund(house, customer_id="cus_1"))
    await superuser.execute(
        "UPDATE personal_values SET value = '\"cus_2\"' WHERE organization_id = $1 AND path = $2",
        house.id,
        "ovt.context.customer_id",
    )

    report = await verify_database(settings.database_url, house.id, None)

    assert [verdict.tampering.seq for verdict in report.verdicts if verdict.tampering] == [
        (await house.entries("decision"))[0]["seq"]
    ]


async def _asked(decision_id: str, ago: str) -> None:
    await rows(
        "UPDATE requests SET asked_at = clock_timestamp() - {}::text::interval WHERE decision_id = {}",
        ago,
        decision_id,
    )


async def test_unknown_connection_is_no_way_out_of_enforcement(house: Any, refund: Any) -> None:
    await rows("UPDATE surfaces SET surface_mode = 'shadow' WHERE organization_id = {}", house.id)
    await rows(
        "INSERT INTO surfaces VALUES ({}, {}, 'test', {}, 'stripe', 'refund', 'enforce', now())",
        f"{house.id}/enforced",
        house.id,
        f"stripe_conn_{house.id}",
    )
    known = refund(house, 20_000, execute="caller")
    misspelt = msgspec.structs.replace(known, merchant=Merchant(stripe_connection_id="stripe_conn_dem0"))

    assert [(await house.decided(ovt)).state for ovt in (known, misspelt)] == ["pending_approval"] * 2
