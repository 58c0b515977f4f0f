"""Circuit breakers: what usually moves never trips them, a spike does in one round, and their freeze binds at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import asyncpg
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities import breakers
from activities.breakers import Baselines, watch_breakers_once
from axiru.database import row, rows
from axiru.domain.breaker import Breaker, BreakerTerms, Reading, TripReceipt, compared
from axiru.domain.evaluation import Outcome
from ledger.acts import control
from ledger.acts.breaker import BaselineTooShort, BreakerNotFound, BreakerRetired, arm, change, retire
from ledger.acts.control import lift
from ledger.acts.trip import TripNotFound, TripResolved, accept, dismiss, trip
from ledger.breaker_readings import armed, baseline_total, total_query, window_total

HOUR = 3_600


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SETTLE_SECONDS", 0.2)


def terms(**given: Any) -> BreakerTerms:
    usual = {
        "metric": "count",
        "rail": "stripe",
        "rail_action": "refund",
        "window_seconds": HOUR,
        "baseline_seconds": 24 * HOUR,
        "factor_percent": 300,
        "minimum": 5,
        "response": "freeze",
    }
    return BreakerTerms(**{**usual, **given})


async def armed_in(house: Any, **given: Any) -> str:
    return await arm(
        organization_id=house.id,
        member_id=house.members["controller"],
        mode="test",
        name="Refund spike",
        terms=terms(**given),
        signer=house.signer,
    )


async def the_breaker(breaker_id: str) -> Breaker:
    (found,) = [breaker for breaker in await armed() if breaker.id == breaker_id]
    return found


async def a_round(house: Any) -> list[TripReceipt]:
    """One round of the loop, with a memory of its own as another worker has; of this organization's breakers alone."""
    found = await rows("SELECT id FROM breakers WHERE organization_id = {}", house.id)
    mine = {breaker["id"] for breaker in found}
    return [receipt for receipt in await watch_breakers_once(house.signer, Baselines()) if receipt.breaker_id in mine]


async def moved(
    superuser: asyncpg.Connection,
    house: Any,
    count: int,
    *,
    ago: timedelta,
    cents: int = 1_000,
    rail_action: str = "refund",
    asset: str = "usd",
    mode: str = "test",
) -> None:
    """Movements of an earlier time, without the requests they came from."""
    await superuser.execute(
        """
        INSERT INTO movements (decision_id, organization_id, mode, surface_mode, state, rail, rail_action, asset, units,
            initiator_id, moved_at)
        SELECT 'ed_' || gen_random_uuid(), $1, $2, 'enforce', 'committed', 'stripe', $3, $4, $5, 'key_1',
            clock_timestamp() - $6::interval FROM generate_series(1, $7)
        """,
        *(house.id, mode, rail_action, asset, cents, ago, count),
    )


async def failed(superuser: asyncpg.Connection, house: Any, decision_ids: list[str], *, called: bool) -> None:
    for decision_id in decision_ids:
        await superuser.execute(
            "INSERT INTO executions (decision_id, organization_id, mode, state, idempotency_key, call, attempts, "
            "intended_at, first_call_at, settled_at) VALUES ($1, $2, 'test', 'failed', $1, '{}', 1, "
            "clock_timestamp(), $3, clock_timestamp())",
            *(decision_id, house.id, datetime.now(UTC) if called else None),
        )


async def test_spike_freezes_the_surface_within_one_round_and_binds_at_once(house: Any, refund: Any) -> None:
    breaker_id = await armed_in(house)
    for _ in range(4):
        await house.decided(refund(house))
    assert await a_round(house) == []
    await house.decided(refund(house))

    (tripped,) = await a_round(house)

    assert (tripped.breaker_id, tripped.state) == (breaker_id, "engaged")
    denied = await house.decided(refund(house))
    assert (denied.outcome, denied.reason) == (Outcome.DENY, "surface_frozen")
    assert denied.matched_rule == f"control:{tripped.control_id}"
    found = await row("SELECT * FROM controls WHERE id = {}", tripped.control_id)
    assert found is not None
    assert (found["engaged_by"], found["breaker_id"], found["expires_at"]) == (None, breaker_id, None)
    assert "5 movements in 3600 s, usually 0 movements" in found["reason"]
    (sealed,) = await house.entries("breaker_tripped")
    assert sealed["data"]["trip_id"] == tripped.trip_id
    assert (sealed["data"]["observed"], sealed["data"]["threshold"]) == (5, 5)
    (frozen,) = await house.entries("control")
    assert (frozen["data"]["member_id"], frozen["data"]["breaker_id"]) == (None, breaker_id)
    told = await rows("SELECT topic FROM outbox WHERE organization_id = {} AND topic = 'breaker'", house.id)
    assert len(told) == 1


async def test_steady_traffic_never_trips(house: Any, superuser: asyncpg.Connection) -> None:
    await armed_in(house)
    for hour in range(25):
        await moved(superuser, house, 10, ago=timedelta(hours=hour, minutes=1))

    assert await a_round(house) == []
    # Three times the usual 10 is not more than three times.
    await moved(superuser, house, 20, ago=timedelta(minutes=1))
    assert await a_round(house) == []
    await moved(superuser, house, 1, ago=timedelta(minutes=1))
    assert [receipt.state for receipt in await a_round(house)] == ["engaged"]


async def test_other_modes_surfaces_currencies_and_what_was_released_do_not_count(
    house: Any, refund: Any, superuser: asyncpg.Connection
) -> None:
    breaker_id = await armed_in(house, metric="amount", currency="usd", minimum=100_000)
    lately = timedelta(minutes=1)
    await moved(superuser, house, 9, ago=lately, cents=100_000, asset="eur")
    await moved(superuser, house, 9, ago=lately, cents=100_000, mode="live")
    await moved(superuser, house, 9, ago=lately, cents=100_000, rail_action="payout")
    await house.decided(refund(house, 90_000))
    await superuser.execute(
        "UPDATE movements SET state = 'released' WHERE organization_id = $1 AND units = 90000", house.id
    )
    assert await window_total(await the_breaker(breaker_id)) == 0
    await moved(superuser, house, 2, ago=lately, cents=49_999)
    assert await a_round(house) == []

    await moved(superuser, house, 1, ago=lately, cents=2)

    await a_round(house)
    found = await row("SELECT observed, usual, scope FROM breaker_trips WHERE breaker_id = {}", breaker_id)
    assert found == {"observed": 100_000, "usual": 0, "scope": '{"surface": "stripe.refund"}'}


async def test_breaker_of_a_source_freezes_that_source_alone(house: Any, refund: Any) -> None:
    await armed_in(house, source="bot", freeze_seconds=600)
    for _ in range(6):
        await house.decided(refund(house, source="desk"))
    assert await a_round(house) == []
    for _ in range(5):
        await house.decided(refund(house, source="bot"))

    (tripped,) = await a_round(house)

    assert (await house.decided(refund(house, source="bot"))).reason == "source_frozen"
    assert (await house.decided(refund(house, source="desk"))).state == "allowed"
    found = await row("SELECT engaged_at, expires_at FROM controls WHERE id = {}", tripped.control_id)
    assert found is not None
    assert found["expires_at"] - found["engaged_at"] == timedelta(seconds=600)


async def test_failures_count_calls_that_were_made_and_not_those_a_control_forbade(
    house: Any, refund: Any, superuser: asyncpg.Connection
) -> None:
    await armed_in(house, metric="failures", minimum=3)
    asked = [(await house.decided(refund(house))).decision_id for _ in range(6)]
    await failed(superuser, house, asked[:3], called=False)
    assert await a_round(house) == []

    await failed(superuser, house, asked[3:], called=True)

    assert len(await a_round(house)) == 1


async def test_two_workers_in_one_moment_trip_once(house: Any, superuser: asyncpg.Connection) -> None:
    breaker = await the_breaker(await armed_in(house))
    await moved(superuser, house, 9, ago=timedelta(minutes=1))

    answers = await asyncio.gather(*(trip(breaker, Reading(9, 0, 5), signer=house.signer) for _ in range(8)))

    assert len([answer for answer in answers if answer is not None]) == 1
    assert len(await house.entries("breaker_tripped")) == len(await house.entries("control")) == 1


async def test_breaker_that_tripped_waits_for_its_freeze_to_end_and_one_window_more(
    house: Any, superuser: asyncpg.Connection
) -> None:
    await armed_in(house)
    await moved(superuser, house, 9, ago=timedelta(minutes=1))
    (first,) = await a_round(house)
    assert await a_round(house) == []
    await lift(
        organization_id=house.id,
        member_id=house.members["controller"],
        control_id=first.control_id,
        reason="looked into",
        signer=house.signer,
    )
    assert await a_round(house) == []

    await superuser.execute(
        "UPDATE controls SET lifted_at = lifted_at - interval '61 minutes' WHERE id = $1", first.control_id
    )

    assert len(await a_round(house)) == 1


async def test_a_freeze_that_expired_arms_the_breaker_again_one_window_later(
    house: Any, superuser: asyncpg.Connection
) -> None:
    await armed_in(house, freeze_seconds=60)
    await moved(superuser, house, 9, ago=timedelta(minutes=1))
    (first,) = await a_round(house)
    expire = "UPDATE controls SET expires_at = clock_timestamp() - $2::interval WHERE id = $1"

    await superuser.execute(expire, first.control_id, timedelta(minutes=59))
    assert await a_round(house) == []
    await superuser.execute(expire, first.control_id, timedelta(minutes=61))
    assert len(await a_round(house)) == 1


async def test_proposal_freezes_nothing_until_somebody_accepts_it(
    house: Any, refund: Any, superuser: asyncpg.Connection
) -> None:
    breaker_id = await armed_in(house, response="propose", freeze_seconds=600)
    await moved(superuser, house, 9, ago=timedelta(minutes=1))
    (proposed,) = await a_round(house)
    assert (proposed.state, proposed.control_id) == ("proposed", None)
    assert (await house.decided(refund(house))).state == "allowed"
    assert await a_round(house) == []

    accepted = await accept(
        proposed.trip_id,
        organization_id=house.id,
        member_id=house.members["finance"],
        reason="This is no sale.",
        signer=house.signer,
    )

    assert accepted.state == "accepted"
    assert (await house.decided(refund(house))).reason == "surface_frozen"
    found = await row("SELECT engaged_by, breaker_id, reason FROM controls WHERE id = {}", accepted.control_id)
    assert found is not None
    assert (found["engaged_by"], found["breaker_id"]) == (house.members["finance"], breaker_id)
    assert found["reason"].endswith("This is no sale.")
    (sealed,) = await house.entries("breaker_resolved")
    assert (sealed["data"]["state"], sealed["data"]["member_id"]) == ("accepted", house.members["finance"])


async def test_proposal_is_resolved_once_even_by_two_people_at_once(house: Any, superuser: asyncpg.Connection) -> None:
    await armed_in(house, response="propose")
    await moved(superuser, house, 9, ago=timedelta(minutes=1))
    (proposed,) = await a_round(house)

    async def resolved(how: Any, login: str) -> str:
        try:
            receipt = await how(
                proposed.trip_id,
                organization_id=house.id,
                member_id=house.members[login],
                reason="so",
                signer=house.signer,
            )
        except TripResolved as refused:
            return f"refused: {refused.facts['state']}"
        return str(receipt.state)

    answers = sorted(await asyncio.gather(resolved(accept, "controller"), resolved(dismiss, "controller2")))

    assert answers in (["accepted", "refused: accepted"], ["dismissed", "refused: dismissed"])
    assert len(await house.entries("breaker_resolved")) == 1


async def test_dismissed_proposal_comes_back_after_one_window(house: Any, superuser: asyncpg.Connection) -> None:
    await armed_in(house, response="propose")
    await moved(superuser, house, 9, ago=timedelta(minutes=1))
    (proposed,) = await a_round(house)
    await dismiss(
        proposed.trip_id,
        organization_id=house.id,
        member_id=house.members["controller"],
        reason="A recall of ours.",
        signer=house.signer,
    )
    assert await house.entries("control") == []
    assert await a_round(house) == []

    await superuser.execute(
        "UPDATE breaker_trips SET resolved_at = resolved_at - interval '61 minutes' WHERE id = $1", proposed.trip_id
    )

    assert [receipt.state for receipt in await a_round(house)] == ["proposed"]


async def test_breaker_that_was_changed_since_it_was_read_does_not_trip(house: Any) -> None:
    breaker = await the_breaker(await armed_in(house))
    acting = {"organization_id": house.id, "member_id": house.members["controller"], "signer": house.signer}
    await change(breaker.id, {"minimum": 50, "freeze_seconds": 60}, **acting)
    assert await trip(breaker, Reading(9, 0, 5), signer=house.signer) is None

    changed = await the_breaker(breaker.id)

    assert (changed.minimum, changed.freeze_seconds, changed.factor_percent) == (50, 60, 300)
    assert [entry["data"]["action"] for entry in await house.entries("breaker")] == ["arm", "change"]


async def test_retired_breaker_neither_trips_nor_changes(house: Any, superuser: asyncpg.Connection) -> None:
    breaker_id = await armed_in(house)
    acting = {"organization_id": house.id, "member_id": house.members["controller"], "signer": house.signer}
    await moved(superuser, house, 9, ago=timedelta(minutes=1))
    await retire(breaker_id, **acting)

    assert await a_round(house) == []
    with pytest.raises(BreakerRetired):
        await retire(breaker_id, **acting)
    with pytest.raises(BreakerRetired):
        await change(breaker_id, {"minimum": 1}, **acting)


async def test_baseline_shorter_than_the_window_is_refused(house: Any) -> None:
    with pytest.raises(BaselineTooShort):
        await armed_in(house, baseline_seconds=60)
    breaker_id = await armed_in(house)
    acting = {"organization_id": house.id, "member_id": house.members["controller"], "signer": house.signer}
    with pytest.raises(BaselineTooShort):
        await change(breaker_id, {"baseline_seconds": 60}, **acting)


async def test_strangers_find_neither_breaker_nor_trip(
    house: Any, new_house: Any, superuser: asyncpg.Connection
) -> None:
    breaker_id = await armed_in(house, response="propose")
    await moved(superuser, house, 9, ago=timedelta(minutes=1))
    (proposed,) = await a_round(house)
    stranger = await new_house()
    acting = {"organization_id": stranger.id, "member_id": stranger.members["controller"], "signer": house.signer}

    with pytest.raises(BreakerNotFound):
        await retire(breaker_id, **acting)
    with pytest.raises(TripNotFound):
        await accept(proposed.trip_id, reason="mine", **acting)


@pytest.mark.parametrize(
    ("observed", "baseline_total", "trips"),
    [
        (4, 0, False),  # under the minimum, however unusual
        (5, 0, True),
        (30, 240, False),  # three times the usual 10
        (31, 240, True),
        (31, 241, True),  # 31 > 30.125
        (31, 248, False),  # 31 = 3 · 248/24: not above
        (10**12, 10**18, False),
    ],
)
def test_comparison_is_exact(observed: int, baseline_total: int, trips: bool) -> None:
    reading = compared(terms(), observed, baseline_total)

    assert reading.trips is trips
    assert compared(terms(), reading.threshold, baseline_total).trips
    assert not compared(terms(), reading.threshold - 1, baseline_total).trips


@given(
    observed=st.integers(0, 10**12),
    total=st.integers(0, 10**15),
    window=st.integers(60, 604_800),
    more=st.integers(0, 7_776_000),
    factor=st.integers(101, 100_000),
    minimum=st.integers(1, 10**12),
)
def test_comparison_is_the_one_that_is_promised(
    observed: int, total: int, window: int, more: int, factor: int, minimum: int
) -> None:
    """Against fractions, which round nothing."""
    under = terms(window_seconds=window, baseline_seconds=window + more, factor_percent=factor, minimum=minimum)
    usual = Fraction(total * window, window + more)

    assert compared(under, observed, total).trips is (observed >= minimum and observed * 100 > usual * factor)


async def test_a_breaker_that_cannot_be_read_holds_up_no_other(
    house: Any, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = await armed_in(house), await armed_in(house)
    await moved(superuser, house, 9, ago=timedelta(minutes=1))

    async def read(breaker: Breaker) -> int:
        if breaker.id == broken:
            raise ConnectionError("away")
        return await window_total(breaker)

    monkeypatch.setattr(breakers, "window_total", read)
    with pytest.raises(ConnectionError):
        await watch_breakers_once(house.signer, Baselines())

    tripped = await rows("SELECT breaker_id FROM breaker_trips WHERE organization_id = {}", house.id)
    assert [trip["breaker_id"] for trip in tripped] == [sound]


async def test_a_baseline_is_read_again_only_when_it_has_aged_or_the_breaker_was_changed(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []

    async def read(breaker: Breaker) -> int:
        reads.append(breaker.id)
        return 7

    clock = [1_000.0]
    monkeypatch.setattr(breakers, "baseline_total", read)
    monkeypatch.setattr(breakers, "monotonic", lambda: clock[0])
    breaker, baselines = await the_breaker(await armed_in(house)), Baselines()
    assert [await baselines.total(breaker), await baselines.total(breaker)] == [7, 7]
    assert len(reads) == 1
    clock[0] += 24 * HOUR / 1_000 + 1
    await baselines.total(breaker)
    assert len(reads) == 2
    await baselines.total(msgspec.structs.replace(breaker, factor_percent=500))
    assert len(reads) == 3


async def test_readings_are_bounded_by_an_index_on_time(house: Any, superuser: asyncpg.Connection) -> None:
    """What lies before the baseline costs nothing, however much there is of it."""
    await moved(superuser, house, 20_000, ago=timedelta(days=40))
    await moved(superuser, house, 50, ago=timedelta(minutes=5))
    await moved(superuser, house, 240, ago=timedelta(hours=7))
    await superuser.execute("ANALYZE movements")
    breaker = await the_breaker(await armed_in(house, minimum=10_000))
    assert (await window_total(breaker), await baseline_total(breaker)) == (50, 240)

    sql, *arguments = total_query(breaker, oldest_seconds=25 * HOUR, newest_seconds=HOUR)
    plan = "\n".join(str(line["QUERY PLAN"]) for line in await rows(f"EXPLAIN (ANALYZE, COSTS OFF) {sql}", *arguments))

    assert "movements_by_organization" in plan, plan
    assert "moved_at > (now()" in plan.split("Filter")[0], plan
    assert "Seq Scan on movements" not in plan, plan
