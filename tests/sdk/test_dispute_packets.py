"""A response window that closes does not come back: a dispute has its last good packet, kept before it is needed."""

import asyncio
from typing import Any

import pytest

DECISIONS = "/api/v1/decisions"
PACKET = "/api/v1/disputes/du_1/packet"
GOOD = {"id": "ep_1", "dispute_id": "du_1", "version": 2, "evidence": {"product_description": "Shoes, delivered"}}


async def _dispute(client: Any, key: str = "key_1", **options: Any) -> Any:
    return await client.decide("dispute", 2_500, "usd", key, dispute="du_1", **options)


@pytest.fixture
async def keeping(connect: Any, axiru: Any, scripted: Any) -> Any:
    """A client that has kept the packet of `du_1`, and an Axiru that is down since."""
    axiru.says(PACKET, scripted(body=GOOD))
    client = connect(axiru.url)
    assert (await client.keep_packet("du_1")).evidence == GOOD["evidence"]
    axiru.says(PACKET, scripted(503))
    axiru.says(DECISIONS, scripted(503))
    return client


async def test_last_good_packet_goes_out_as_degraded_and_axiru_hears_of_it_later(
    keeping: Any, axiru: Any, scripted: Any
) -> None:
    decision = await _dispute(keeping)

    assert (decision.outcome, decision.degraded, decision.may_execute) == ("allow", True, True)
    assert decision.packet.evidence == GOOD["evidence"]
    assert decision.packet.facts["version"] == 2
    assert await keeping.holds() == []
    axiru.says(DECISIONS, scripted())
    assert [answer.idempotency_key for answer in await keeping.retry_holds()] == ["key_1"]


async def test_nothing_but_the_submission_of_that_dispute_goes_out(keeping: Any) -> None:
    assert (await _dispute(keeping, "close", dispute_action="close")).outcome == "hold"
    assert (await _dispute(keeping, "by_axiru", execute="axiru")).outcome == "hold"
    assert (await keeping.decide("dispute", 2_500, "usd", "other", dispute="du_2")).outcome == "hold"
    assert (await keeping.decide("dispute", 2_500, "usd", "none")).outcome == "hold"
    assert (await keeping.decide("refund", 2_500, "usd", "refund", dispute="du_1")).outcome == "hold"


async def test_packet_goes_out_while_an_approval_is_open_but_not_over_a_denial(
    keeping: Any, axiru: Any, scripted: Any
) -> None:
    for said, outcome in (("pending_approval", "allow"), ("denied", "hold")):
        answer = {"decision_id": "ed_1", "outcome": said, "reason": "r", "state": said}
        axiru.says(DECISIONS, scripted(body=answer), scripted(503))
        assert not (await _dispute(keeping, said)).may_execute

        assert (await _dispute(keeping, said)).outcome == outcome


async def test_packet_stays_where_a_control_stopped_disputes(
    keeping: Any, axiru: Any, scripted: Any, authority: Any
) -> None:
    stopped = [{"scope": {"surface": "stripe.dispute"}, "expires_at": None}]
    axiru.says("/api/v1/fail-safe", scripted(body=authority.document(axiru.url, stopped=stopped)))
    await keeping.refresh_fail_safe()

    assert (await _dispute(keeping)).outcome == "hold"


async def test_denial_takes_the_packet_away_from_every_other_request(keeping: Any, axiru: Any, scripted: Any) -> None:
    answer = {"decision_id": "ed_1", "outcome": "deny", "reason": "r", "state": "denied"}
    axiru.says(DECISIONS, scripted(body=answer), scripted(503))
    await _dispute(keeping)

    assert (await _dispute(keeping, "another_key")).outcome == "hold"


@pytest.mark.parametrize(
    "packet", [{}, {"evidence": {}}, {"evidence": {"a": 1}}, {"evidence": ["a"]}, {"evidence": None}], ids=str
)
async def test_what_is_no_packet_does_not_replace_the_one_there_is(
    keeping: Any, axiru: Any, scripted: Any, packet: Any
) -> None:
    axiru.says(PACKET, scripted(body=packet))

    assert await keeping.keep_packet("du_1") is None
    assert (await _dispute(keeping)).degraded


async def test_packet_is_fetched_behind_an_answer_about_the_dispute(connect: Any, axiru: Any, scripted: Any) -> None:
    axiru.says(PACKET, scripted(body=GOOD))
    axiru.says(DECISIONS, scripted(body={"decision_id": "ed_1", "outcome": "review", "state": "pending_approval"}))
    client = connect(axiru.url)
    assert (await _dispute(client)).outcome == "review"
    async with asyncio.timeout(10):
        while PACKET not in [path for path, _ in axiru.asked]:  # noqa: ASYNC110 - another thread answers
            await asyncio.sleep(0.02)
    await client.close()
    axiru.says(DECISIONS, scripted(503))

    assert (await _dispute(connect(axiru.url))).degraded
