"""What was sealed before a movement could say more is still what it was; what is added to it afterwards is seen."""

from typing import Any

import asyncpg
import pytest

from ledger.acts import unaltered
from ledger.entry import Body, parse_body

ADDED = ("application_fee", "dispute_action", "payout_action", "packet", "packet_digest")


@pytest.fixture
def as_sealed_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries as they were sealed when targets had fewer parts. Nothing can change one that is sealed."""

    def parse(body: bytes) -> Body:
        parsed = parse_body(body)
        for name in ADDED:
            parsed.data["ovt"]["target"].pop(name)
        return parsed

    monkeypatch.setattr(unaltered, "parse_body", parse)


async def test_request_sealed_before_targets_could_say_more_is_unaltered(
    as_sealed_before: None, house: Any, refund: Any
) -> None:
    receipt = await house.decided(refund(house, 20_000))

    assert await unaltered.is_as_sealed(receipt.decision_id)


@pytest.mark.parametrize("sealed_before", [True, False])
@pytest.mark.parametrize("name", [*ADDED, "charge"])
async def test_what_is_added_to_a_request_afterwards_is_seen(
    name: str,
    sealed_before: bool,
    house: Any,
    refund: Any,
    superuser: asyncpg.Connection,
    request: pytest.FixtureRequest,
) -> None:
    receipt = await house.decided(refund(house, 20_000))
    assert await unaltered.is_as_sealed(receipt.decision_id)
    if sealed_before:
        request.getfixturevalue("as_sealed_before")
    await superuser.execute(
        "UPDATE requests SET ovt = jsonb_set(ovt, ARRAY['target', $2], '\"another\"') WHERE decision_id = $1",
        receipt.decision_id,
        name,
    )

    assert not await unaltered.is_as_sealed(receipt.decision_id)
