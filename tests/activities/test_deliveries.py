"""What was sealed is told at least once through every channel, whatever hangs, fails or dies, on a real PostgreSQL."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from activities.deliveries import ATTEMPTS, BACKOFF_SECONDS, attempt, deliver_forever, lease
from activities.delivery_planning import plan_once
from activities.forgetting import forget_once
from axiru import ids
from axiru.database import connected, row, rows
from axiru.dev.dev_json import DevJson
from axiru.domain.delivery import ChannelName, Happening, Outgoing, Planned, Sent
from axiru.settings import Settings
from axiru.tables import ALL_TABLES, ChainHead
from axiru.vault import Vault
from ledger.acts.chain import begin_chain
from ledger.acts.control import engage
from ledger.keys import load_signer
from ledger.signing import Signer

DELIVERED = Sent(outcome="delivered", status=200, detail="thanks")
RETRY = Sent(outcome="retry", status=500, detail="later")


class RecordingChannel:
    """Tells targets of one organization, and answers as it is told to."""

    def __init__(self, organization_id: str, *targets: str, name: ChannelName = "webhook") -> None:
        self.name = name
        self.organization_id = organization_id
        self.targets = targets
        self.sent: list[Outgoing] = []
        self.answer: Callable[[Outgoing], Awaitable[Sent]] | Sent = DELIVERED
        self.shows_state = False
        self.plan_fails: dict[str, Exception] = {}
        self.plan_waits_for: asyncio.Event | None = None
        self.closed = False

    async def plan(self, happening: Happening) -> list[Planned]:
        if self.plan_waits_for is not None:
            await self.plan_waits_for.wait()
        if error := self.plan_fails.get(happening.payload.get("control_id", "")):
            raise error
        if happening.organization_id != self.organization_id:
            return []
        return [
            Planned(target=target, event="control.engaged", body=happening.payload, shows_state=self.shows_state)
            for target in self.targets
        ]

    async def send(self, outgoing: Outgoing) -> Sent:
        self.sent.append(outgoing)
        return self.answer if isinstance(self.answer, Sent) else await self.answer(outgoing)

    async def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
async def signer(settings: Settings) -> AsyncIterator[Signer]:
    before = ChainHead._meta._db
    async with connected(settings):
        yield await load_signer(Vault.from_settings(settings))
    for table in ALL_TABLES:
        table._meta._db = before


class House:
    """An organization in which something can happen."""

    def __init__(self, organization_id: str, member_id: str, signer: Signer) -> None:
        self.id, self._member_id, self._signer = organization_id, member_id, signer

    async def happens(self) -> str:
        """Something that is sealed and told; returns the control's id."""
        engaged = await engage(
            organization_id=self.id,
            member_id=self._member_id,
            kind="mark_for_review",
            scope={"stripe_account_id": f"acct_{secrets.token_hex(4)}"},
            applies_to="test",
            reason="a look",
            expires_at=None,
            signer=self._signer,
        )
        return engaged.control_id

    async def deliveries(self) -> list[dict[str, Any]]:
        return await rows("SELECT * FROM deliveries WHERE organization_id = {} ORDER BY created_at, id", self.id)

    async def delivery(self) -> dict[str, Any]:
        (only,) = await self.deliveries()
        return only


@pytest.fixture
async def house(signer: Signer, infrastructure: DevJson) -> House:
    """A new organization; nothing of other tests waits to be planned or sent."""
    organization_id, member_id = f"org_{secrets.token_hex(6)}", ids.new_id(ids.MEMBER)
    owner = await asyncpg.connect(infrastructure.database_admin_url)
    await owner.execute("INSERT INTO organizations VALUES ($1, 'House', $2)", organization_id, datetime.now(UTC))
    await owner.close()
    await rows(
        "INSERT INTO members (id, organization_id, email, name, password_hash, roles, created_at) "
        "VALUES ({}, {}, {}, 'Someone', 'none', {}, now())",
        member_id,
        organization_id,
        f"{member_id}@house.example",
        ["admin"],
    )
    for mode in ("live", "test"):
        await begin_chain(organization_id, mode)
    await rows("UPDATE deliveries SET state = 'failed', finished_at = now() WHERE state = 'pending'")
    for name in ("webhook", "slack", "email"):
        while await plan_once(RecordingChannel("nobody", name=name)):  # type: ignore[arg-type]
            pass
    return House(organization_id, member_id, signer)


@pytest.fixture
async def superuser(infrastructure: DevJson) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner of the tables."""
    connection = await asyncpg.connect(infrastructure.database_admin_url)
    yield connection
    await connection.close()


async def test_what_happened_is_planned_once_however_often_it_is_read(house: House) -> None:
    channel = RecordingChannel(house.id, "first", "second")
    controls = [await house.happens() for _ in range(3)]

    await plan_once(channel)
    await rows("UPDATE outbox_cursors SET seq = 0 WHERE organization_id = {}", house.id)
    await asyncio.gather(*(plan_once(channel) for _ in range(4)))

    planned = await house.deliveries()
    assert sorted((each["target"], each["body"]) for each in planned) == sorted(
        (target, each["body"]) for each in planned[::2] for target in ("first", "second")
    )
    assert len(planned) == len(controls) * 2
    assert await plan_once(channel) == 0


async def test_messages_that_show_a_state_are_gathered_until_one_is_taken_to_be_sent(house: House) -> None:
    channel = RecordingChannel(house.id, "home")
    channel.shows_state = True
    for _ in range(3):
        await house.happens()
    await plan_once(channel)
    await house.happens()
    await plan_once(channel)

    assert len(await house.deliveries()) == 1
    assert await _send_due(channel) == 0, "more may come"
    await _make_due(house)
    (taken,) = await lease(channel, 1)
    await house.happens()
    await plan_once(channel)
    await attempt(channel, taken)

    # What was taken may have read the state before the last change.
    assert sorted(each["state"] for each in await house.deliveries()) == ["delivered", "pending"]


async def test_chain_whose_planning_fails_holds_up_no_other_and_is_planned_later(house: House) -> None:
    other = RecordingChannel(house.id, "target")
    happened = await house.happens()
    other.plan_fails = {happened: OSError("PostgreSQL is away")}

    with pytest.raises(OSError, match="away"):
        await plan_once(other)
    assert await house.deliveries() == []

    other.plan_fails = {}
    await plan_once(other)
    assert len(await house.deliveries()) == 1


@pytest.mark.parametrize("defect", [KeyError("a defect"), asyncpg.DataError("a value that is none")])
async def test_message_that_cannot_be_planned_is_logged_and_does_not_silence_the_chain(
    house: House, defect: Exception
) -> None:
    channel = RecordingChannel(house.id, "target")
    channel.plan_fails = {await house.happens(): defect}
    await house.happens()

    await plan_once(channel)

    failed, planned = await house.deliveries()
    assert (failed["state"], planned["state"]) == ("failed", "pending")
    assert type(defect).__name__ in failed["last_detail"]


async def test_delivered_message_is_logged_with_what_the_other_side_said(house: House) -> None:
    channel = RecordingChannel(house.id, "target")
    await house.happens()
    await plan_once(channel)

    await _send_due(channel)

    delivery = await house.delivery()
    assert (delivery["state"], delivery["attempts"], delivery["last_status"]) == ("delivered", 1, 200)
    assert delivery["finished_at"] is not None
    assert await _log_of(delivery) == [(1, "delivered", 200, "thanks")]
    assert await _send_due(channel) == 0


async def test_failing_target_is_tried_eight_times_under_one_id_with_growing_pauses(house: House) -> None:
    channel = RecordingChannel(house.id, "target")
    channel.answer = RETRY
    await house.happens()
    await plan_once(channel)

    for wait_seconds in BACKOFF_SECONDS:
        await _send_due(channel)
        assert await _wait_seconds(house) == pytest.approx(wait_seconds, abs=3)
        assert await _send_due(channel) == 0
        await _make_due(house)
    await _send_due(channel)

    delivery = await house.delivery()
    assert (delivery["state"], delivery["attempts"]) == ("failed", ATTEMPTS)
    assert len({sent.id for sent in channel.sent}) == 1
    assert [sent.attempt for sent in channel.sent] == list(range(1, ATTEMPTS + 1))
    assert [outcome for _, outcome, _, _ in await _log_of(delivery)] == ["retry"] * (ATTEMPTS - 1) + ["failed"]


async def test_target_that_asks_for_a_longer_pause_gets_it(house: House) -> None:
    channel = RecordingChannel(house.id, "target")
    channel.answer = Sent(outcome="retry", status=429, detail="slow down", retry_after_seconds=900)
    await house.happens()
    await plan_once(channel)

    await _send_due(channel)

    assert await _wait_seconds(house) == pytest.approx(900, abs=3)


async def test_target_that_asks_for_weeks_gets_a_day(house: House) -> None:
    channel = RecordingChannel(house.id, "target")
    channel.answer = Sent(outcome="retry", detail="", retry_after_seconds=1e9)
    await house.happens()
    await plan_once(channel)

    await _send_due(channel)

    assert await _wait_seconds(house) == pytest.approx(86_400, abs=3)


async def test_refusal_for_good_is_not_tried_again(house: House) -> None:
    channel = RecordingChannel(house.id, "target")
    channel.answer = Sent(outcome="failed", status=410, detail="gone")
    await house.happens()
    await plan_once(channel)

    await _send_due(channel)
    await _make_due(house)

    assert await _send_due(channel) == 0
    assert (await house.delivery())["state"] == "failed"


async def test_channel_that_raises_is_tried_again_and_says_so(house: House) -> None:
    channel = RecordingChannel(house.id, "target")

    async def raising(_: Outgoing) -> Sent:
        raise RuntimeError("secret detail")

    channel.answer = raising
    await house.happens()
    await plan_once(channel)

    await _send_due(channel)

    delivery = await house.delivery()
    assert delivery["state"] == "pending"
    assert "RuntimeError" in delivery["last_detail"]
    assert "secret" not in delivery["last_detail"]


async def test_what_the_other_side_says_is_stored_whatever_it_is(house: House) -> None:
    channel = RecordingChannel(house.id, "target")
    channel.answer = Sent(outcome="delivered", status=200, detail="\x00\ud800" + "x" * 10_000)
    await house.happens()
    await plan_once(channel)

    await _send_due(channel)

    assert (await house.delivery())["state"] == "delivered"


async def test_two_workers_never_hold_the_same_delivery(house: House) -> None:
    channel = RecordingChannel(house.id, *(f"target{number}" for number in range(30)))
    await house.happens()
    await plan_once(channel)

    leased = await asyncio.gather(*(lease(channel, 10) for _ in range(4)))

    taken = [outgoing.id for batch in leased for outgoing in batch]
    assert len(taken) == len(set(taken)) == 30


async def test_delivery_of_a_worker_that_died_is_taken_over_when_its_lease_is_over(house: House) -> None:
    channel = RecordingChannel(house.id, "target")
    await house.happens()
    await plan_once(channel)

    (died,) = await lease(channel, 10)
    assert await lease(channel, 10) == []
    assert await _wait_seconds(house) == pytest.approx(60, abs=3)
    await _make_due(house)
    (again,) = await lease(channel, 10)

    assert (again.id, again.attempt) == (died.id, died.attempt + 1)


async def test_worker_that_was_only_slow_undoes_nothing_of_its_successor(house: House) -> None:
    channel = RecordingChannel(house.id, "target")
    await house.happens()
    await plan_once(channel)
    (slow,) = await lease(channel, 10)
    await _make_due(house)
    (successor,) = await lease(channel, 10)

    await attempt(channel, successor)
    channel.answer = RETRY
    await attempt(channel, slow)

    delivery = await house.delivery()
    assert delivery["state"] == "delivered"
    assert [outcome for _, outcome, _, _ in await _log_of(delivery)] == ["retry", "delivered"]


async def test_delivery_that_kills_every_worker_is_given_up(house: House) -> None:
    channel = RecordingChannel(house.id, "target")
    await house.happens()
    await plan_once(channel)
    for _ in range(ATTEMPTS):
        assert await lease(channel, 10)
        await _make_due(house)

    await _send_due(channel)

    assert channel.sent == []
    assert (await house.delivery())["state"] == "failed"


async def test_channel_that_hangs_delays_no_other(house: House) -> None:
    """One hangs while it plans, one while it sends; the third goes on."""
    stuck = asyncio.Event()

    async def hanging(_: Outgoing) -> Sent:
        await stuck.wait()
        return DELIVERED

    sends_nothing = RecordingChannel(house.id, "target", name="slack")
    sends_nothing.answer = hanging
    plans_nothing = RecordingChannel(house.id, "target", name="email")
    plans_nothing.plan_waits_for = asyncio.Event()
    works = RecordingChannel(house.id, "target")
    delivering = asyncio.create_task(deliver_forever([sends_nothing, plans_nothing, works]))

    for _ in range(3):
        await house.happens()
    await _until(lambda: len(works.sent) == 3 and len(sends_nothing.sent) == 3)
    stuck.set()
    await _cancelled(delivering)

    assert plans_nothing.closed
    states = {(each["channel"], each["state"]) for each in await house.deliveries()}
    assert states == {("webhook", "delivered"), ("slack", "delivered")}


async def test_target_that_hangs_delays_no_other_target(house: House) -> None:
    stuck = asyncio.Event()

    async def hanging(outgoing: Outgoing) -> Sent:
        if outgoing.target == "hangs":
            await stuck.wait()
        return DELIVERED

    channel = RecordingChannel(house.id, "hangs")
    channel.answer = hanging
    for _ in range(100):
        await house.happens()
    while await plan_once(channel):
        pass
    delivering = asyncio.create_task(deliver_forever([channel]))
    await _until(lambda: bool(channel.sent))

    channel.targets = ("works",)
    await house.happens()
    await _until(lambda: any(sent.target == "works" for sent in channel.sent))

    stuck.set()
    await _until(lambda: len(channel.sent) == 101)
    await _cancelled(delivering)


async def test_sending_goes_on_after_the_database_was_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [OSError("away"), OSError("away")]
    channel = RecordingChannel(house.id, "target")

    async def away_at_first(*arguments: Any, **named: Any) -> list[Outgoing]:
        if failures:
            raise failures.pop()
        return await lease(*arguments, **named)

    monkeypatch.setattr("activities.deliveries.lease", away_at_first)
    monkeypatch.setattr("activities.deliveries._AWAY_SECONDS", 0.01)
    await house.happens()
    delivering = asyncio.create_task(deliver_forever([channel]))

    await _until(lambda: len(channel.sent) == 1)
    await _cancelled(delivering)


async def test_log_ends_after_a_while_and_what_waits_does_not(house: House, superuser: asyncpg.Connection) -> None:
    channel = RecordingChannel(house.id, "target")
    for _ in range(3):
        await house.happens()
    await plan_once(channel)
    old, recent, waiting = [each["id"] for each in await house.deliveries()]
    await superuser.execute("UPDATE deliveries SET created_at = now() - interval '91 days' WHERE id = $1", waiting)
    for delivery_id, age in ((old, "91 days"), (recent, "89 days")):
        await superuser.execute(
            f"UPDATE deliveries SET state = 'delivered', resend_of = $2, finished_at = now() - interval '{age}' "  # noqa: S608
            "WHERE id = $1",
            *(delivery_id, old if delivery_id == recent else None),
        )
    for door, age in (("old", "31 days"), ("recent", "29 days")):
        await superuser.execute(
            f"INSERT INTO received_messages VALUES ($1, $2, now() - interval '{age}', NULL)",  # noqa: S608
            *(door, house.id),
        )

    await forget_once()

    assert sorted(each["id"] for each in await house.deliveries()) == sorted([recent, waiting])
    received = await rows("SELECT door FROM received_messages WHERE message_id = {}", house.id)
    assert [each["door"] for each in received] == ["recent"]


async def _send_due(channel: RecordingChannel) -> int:
    leased = await lease(channel, 100)
    await asyncio.gather(*(attempt(channel, outgoing) for outgoing in leased))
    return len(leased)


async def _make_due(house: House) -> None:
    await rows("UPDATE deliveries SET next_attempt_at = clock_timestamp() WHERE organization_id = {}", house.id)


async def _wait_seconds(house: House) -> float:
    found = await row(
        "SELECT extract(epoch FROM next_attempt_at - clock_timestamp())::float8 AS seconds FROM deliveries "
        "WHERE organization_id = {}",
        house.id,
    )
    assert found is not None
    return float(found["seconds"])


async def _log_of(delivery: dict[str, Any]) -> list[tuple[int, str, int | None, str]]:
    found = await rows("SELECT * FROM delivery_attempts WHERE delivery_id = {} ORDER BY attempt", delivery["id"])
    return [(each["attempt"], each["outcome"], each["status"], each["detail"]) for each in found]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in the database
            await asyncio.sleep(0.02)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
