"""The relay delivers what acts have told, in the order of the chain, however often Temporal or a chain fails."""

from typing import Any, cast

import asyncpg
import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.relay import relay_once
from activities.sweep import sweep_once
from axiru.database import row, rows
from axiru.domain.decision import MovementInput
from axiru.domain.dispute_response import DisputeInput
from ledger.acts.control import engage, lift
from ledger.acts.notice import give_notice

VOTERS_NEEDED = """
policy: refunds
schema: 2
applies_to: {rail: stripe}
rules:
  - id: everything
    when: {rail_action: refund}
    effect: review
    approvers: {role: controller, count: 2, deadline: 1h}
"""

PEOPLE_REMINDED = VOTERS_NEEDED.replace("1h", "1h, remind: [10m, 50m], escalate: [{after: 20m, role: admin}]")


class TemporalStandIn:
    """The border to Temporal: keeps signals, and fails as it is told."""

    def __init__(self) -> None:
        self.signals: list[tuple[str, str]] = []
        self.failures: dict[str, list[Exception]] = {}
        self.started: list[str] = []

    def get_workflow_handle(self, workflow_id: str) -> "HandleStandIn":
        return HandleStandIn(self, workflow_id)

    async def start_workflow(self, name: str, given: MovementInput | DisputeInput, *, id: str, **_: Any) -> None:
        # The relay and the sweep go over every chain: what other tests left in theirs comes by as well.
        if isinstance(given, DisputeInput):
            assert (name, id) == ("DisputeResponse", given.workflow_id)
        else:
            assert (name, id) in {("MoneyMovement", given.decision_id), ("Undoing", f"undo:{given.decision_id}")}
        self.started.append(id)

    def of(self, *decision_ids: str) -> list[tuple[str, str]]:
        return [signal for signal in self.signals if signal[0] in decision_ids]


class HandleStandIn:
    def __init__(self, temporal: TemporalStandIn, workflow_id: str) -> None:
        self._temporal = temporal
        self._workflow_id = workflow_id

    async def signal(self, name: str, argument: str, **_: Any) -> None:
        assert name in ({"release_recorded", "control_recorded"} if argument.startswith("ct_") else {"vote_recorded"})
        if failures := self._temporal.failures.get(self._workflow_id):
            raise failures.pop(0)
        self._temporal.signals.append((self._workflow_id, argument))


def _gone() -> RPCError:
    return RPCError("workflow not found", RPCStatusCode.NOT_FOUND, b"")


def _away() -> RPCError:
    return RPCError("Temporal is away", RPCStatusCode.UNAVAILABLE, b"")


@pytest.fixture
async def temporal() -> Any:
    """A stand-in; what other tests have sealed is delivered already."""
    temporal = TemporalStandIn()
    while await _relay_once(temporal):
        pass
    temporal.signals.clear()
    temporal.started.clear()
    return temporal


@pytest.fixture
async def voting(new_house: Any) -> Any:
    house = await new_house()
    await house.activate(VOTERS_NEEDED)
    await house.enforce()
    return house


async def test_votes_are_delivered_once_in_the_order_they_were_cast(
    voting: Any, refund: Any, temporal: TemporalStandIn
) -> None:
    first, second = [await voting.decided(refund(voting)) for _ in range(2)]
    cast = [
        (vote.decision_id, vote.vote_id)
        for vote in [
            await voting.vote(second.approval_id),
            await voting.vote(first.approval_id),
            await voting.vote(second.approval_id, "controller2"),
        ]
    ]

    await _relay_once(temporal)
    await _relay_once(temporal)

    assert temporal.of(first.decision_id, second.decision_id) == cast


async def test_votes_wait_for_temporal_and_none_overtakes(voting: Any, refund: Any, temporal: TemporalStandIn) -> None:
    receipts = [await voting.decided(refund(voting)) for _ in range(3)]
    cast = [(receipt.decision_id, (await voting.vote(receipt.approval_id)).vote_id) for receipt in receipts]
    temporal.failures[receipts[1].decision_id] = [_away(), _away()]

    for _ in range(2):
        await _relay_once_whatever_happens(temporal)
        assert temporal.of(receipts[2].decision_id) == []
    await _relay_once(temporal)

    delivered = temporal.of(*(receipt.decision_id for receipt in receipts))
    assert list(dict.fromkeys(delivered)) == cast
    assert await _cursor(voting) == (await voting.entries())[-1]["seq"]


async def test_vote_for_a_workflow_that_has_ended_is_let_go(
    voting: Any, refund: Any, temporal: TemporalStandIn
) -> None:
    ended, running = [await voting.decided(refund(voting)) for _ in range(2)]
    temporal.failures[ended.decision_id] = [_gone()]
    await voting.vote(ended.approval_id, verdict="deny", reason="no receipt")
    vote = await voting.vote(running.approval_id)

    await _relay_once(temporal)

    assert temporal.of(ended.decision_id, running.decision_id) == [(running.decision_id, vote.vote_id)]
    assert temporal.started == []


async def test_vote_for_a_workflow_that_is_gone_too_early_starts_it_again(
    voting: Any, refund: Any, temporal: TemporalStandIn
) -> None:
    lost = await voting.decided(refund(voting))
    temporal.failures[lost.decision_id] = [_gone()]
    await voting.vote(lost.approval_id)

    await _relay_once(temporal)

    assert temporal.started == [lost.decision_id]


@pytest.mark.parametrize("lost", [False, True])
async def test_release_of_a_hold_is_told_and_brings_a_lost_workflow_back(
    voting: Any, refund: Any, temporal: TemporalStandIn, lost: bool
) -> None:
    held = await voting.decided(refund(voting))
    who = {"organization_id": voting.id, "member_id": voting.members["controller"], "signer": voting.signer}
    scope = {"decision_id": held.decision_id}
    control = await engage(**who, kind="hold", scope=scope, applies_to="test", reason="a look", expires_at=None)
    await lift(**who, control_id=control.control_id, reason="fine")
    temporal.failures[held.decision_id] = [_gone()] if lost else []

    await _relay_once(temporal)

    assert temporal.of(held.decision_id) == ([] if lost else [(held.decision_id, control.control_id)])
    assert temporal.started == ([held.decision_id] if lost else [])


async def test_sweep_gives_what_has_been_still_for_too_long_a_workflow(
    voting: Any, refund: Any, temporal: TemporalStandIn, superuser: asyncpg.Connection
) -> None:
    overdue, waiting = [await voting.decided(refund(voting)) for _ in range(2)]
    await superuser.execute(
        "UPDATE approvals SET expires_at = clock_timestamp() - interval '1 hour' WHERE id = $1", overdue.approval_id
    )

    await sweep_once(cast(Client, temporal), "axiru", quiet_seconds=0)

    assert overdue.decision_id in temporal.started
    assert waiting.decision_id not in temporal.started


async def test_sweep_brings_back_whoever_should_have_reminded_people(
    voting: Any, refund: Any, temporal: TemporalStandIn, superuser: asyncpg.Connection
) -> None:
    await voting.activate(PEOPLE_REMINDED)
    silent, reminded, early = [await voting.decided(refund(voting)) for _ in range(3)]
    for receipt in (silent, reminded):
        await superuser.execute(
            "UPDATE approvals SET asked_at = asked_at - interval '25 minutes' WHERE id = $1", receipt.approval_id
        )
    for notice in reminded.approval_notices[:2]:
        await give_notice(reminded.approval_id, notice, organization_id=voting.id, mode="test", signer=voting.signer)

    await sweep_once(cast(Client, temporal), "axiru", quiet_seconds=0)

    ours = {receipt.decision_id for receipt in (silent, reminded, early)}
    assert ours & set(temporal.started) == {silent.decision_id}


async def test_chain_that_cannot_be_delivered_does_not_stop_another(
    new_house: Any, refund: Any, temporal: TemporalStandIn
) -> None:
    houses = [await new_house() for _ in range(3)]
    receipts = []
    for house in houses:
        await house.activate(VOTERS_NEEDED)
        await house.enforce()
        receipts.append(await house.decided(refund(house)))
    votes = [await house.vote(receipt.approval_id) for house, receipt in zip(houses, receipts, strict=True)]

    for stuck in receipts:
        temporal.signals.clear()
        await rows("UPDATE outbox_cursors SET seq = 0 WHERE organization_id = ANY({}::text[])", [h.id for h in houses])
        temporal.failures = {stuck.decision_id: [_away()]}
        await _relay_once_whatever_happens(temporal)

        others = {(vote.decision_id, vote.vote_id) for vote in votes if vote.decision_id != stuck.decision_id}
        assert set(temporal.of(*(receipt.decision_id for receipt in receipts))) == others


async def test_more_than_one_batch_is_delivered_whole(voting: Any, refund: Any, temporal: TemporalStandIn) -> None:
    receipts = [await voting.decided(refund(voting)) for _ in range(110)]
    cast = [(receipt.decision_id, (await voting.vote(receipt.approval_id)).vote_id) for receipt in receipts]

    while await _relay_once(temporal):
        pass

    assert temporal.of(*(receipt.decision_id for receipt in receipts)) == cast


async def _relay_once(temporal: TemporalStandIn) -> int:
    return await relay_once(cast(Client, temporal), "axiru")


async def _relay_once_whatever_happens(temporal: TemporalStandIn) -> None:
    try:
        await _relay_once(temporal)
    except RPCError as error:
        assert error.status is RPCStatusCode.UNAVAILABLE  # noqa: PT017 - whether it raises is not what is tested


async def _cursor(house: Any) -> int:
    found = await row(
        "SELECT seq FROM outbox_cursors WHERE relay = 'temporal' AND organization_id = {} AND mode = 'test'", house.id
    )
    assert found is not None
    return int(found["seq"])
