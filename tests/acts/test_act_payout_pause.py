"""The freeze of an account plans the stop of its payouts in its own act: whose, with which connection, or why not."""

import secrets
from typing import Any

import pytest

from axiru.database import row, rows
from ledger.acts.control import engage
from ledger.acts.payout_pause import NO_CONNECTION, PayoutPause, settle_pause


@pytest.fixture
async def paying_house(house: Any) -> Any:
    """An organization whose connection may make payouts."""
    await rows("UPDATE stripe_connections SET write_actions = ARRAY['payout'] WHERE organization_id = {}", house.id)
    return house


async def test_a_freeze_plans_the_pause_and_seals_it_behind_itself(paying_house: Any) -> None:
    control_id = await _freeze(paying_house)

    planned = await _pause(control_id)
    assert planned is not None
    assert (planned["state"], planned["stripe_connection_id"], planned["schedule_before"]) == (
        "pausing",
        f"stripe_conn_{paying_house.id}",
        None,
    )
    frozen, paused = (await paying_house.entries())[-2:]
    assert (frozen["kind"], paused["kind"]) == ("control", "payout_pause")
    assert paused["data"]["control_id"] == control_id
    told = await row(
        "SELECT payload::text AS payload FROM outbox WHERE organization_id = {} AND topic = 'payout_pause'",
        paying_house.id,
    )
    assert told is not None
    assert '"pausing"' in told["payload"]


async def test_a_freeze_without_a_connection_that_may_plans_nothing(house: Any) -> None:
    assert await _pause(await _freeze(house)) is None
    assert await house.entries("payout_pause") == []


async def test_a_pause_that_was_asked_for_and_cannot_be_is_said_to_have_failed(house: Any) -> None:
    failed = await _pause(await _freeze(house, pause_payouts=True))
    assert failed is not None
    assert (failed["state"], failed["detail"], failed["stripe_connection_id"]) == ("failed", NO_CONNECTION, None)
    (sealed,) = await house.entries("payout_pause")
    assert sealed["data"]["state"] == "failed"


async def test_a_freeze_that_leaves_payouts_alone_plans_nothing(paying_house: Any) -> None:
    assert await _pause(await _freeze(paying_house, pause_payouts=False)) is None


@pytest.mark.parametrize("scope", [{"customer_id": "cus_1"}, {"stripe_connection_id": "stripe_conn_1"}])
async def test_only_the_freeze_of_an_account_has_to_do_with_payouts(paying_house: Any, scope: dict[str, str]) -> None:
    assert await _pause(await _freeze(paying_house, scope=scope)) is None


async def test_the_mark_of_an_account_pauses_nothing(paying_house: Any) -> None:
    assert await _pause(await _freeze(paying_house, kind="mark_for_review")) is None


@pytest.mark.parametrize("status", ["revoked", "disconnected"])
async def test_a_connection_that_is_not_active_is_not_used(paying_house: Any, status: str) -> None:
    await rows("UPDATE stripe_connections SET status = {} WHERE organization_id = {}", status, paying_house.id)
    assert await _pause(await _freeze(paying_house)) is None


async def test_the_accounts_own_connection_comes_before_the_default_one(paying_house: Any) -> None:
    account = f"acct_{secrets.token_hex(4)}"
    await _connect(paying_house, account, mode="test")

    own, connected = await _pause(await _freeze(paying_house, account)), await _pause(await _freeze(paying_house))

    assert own is not None
    assert own["stripe_connection_id"] == f"stripe_conn_{account}"
    assert connected is not None
    assert connected["stripe_connection_id"] == f"stripe_conn_{paying_house.id}"


async def test_a_freeze_of_both_modes_pauses_live_payouts(paying_house: Any) -> None:
    account = f"acct_{secrets.token_hex(4)}"
    await _connect(paying_house, account, mode="live")

    planned = await _pause(await _freeze(paying_house, applies_to="both"))

    assert planned is not None
    assert planned["mode"] == "live"
    assert len(await paying_house.entries("payout_pause", "live")) == 1
    assert await paying_house.entries("payout_pause", "test") == []


async def test_a_freeze_of_test_mode_never_touches_live_payouts(house: Any) -> None:
    account = f"acct_{secrets.token_hex(4)}"
    await _connect(house, account, mode="live")
    assert await _pause(await _freeze(house, account)) is None


async def test_what_became_of_a_pause_is_sealed_once(paying_house: Any) -> None:
    control_id = await _freeze(paying_house)
    paused = PayoutPause(control_id, paying_house.id, "test", None, "acct_1", "paused", {"interval": "daily"})

    assert await settle_pause(paused, "pausing", paying_house.signer)
    assert not await settle_pause(paused, "pausing", paying_house.signer)

    states = [entry["data"]["state"] for entry in await paying_house.entries("payout_pause")]
    assert states == ["pausing", "paused"]


async def _freeze(
    house: Any,
    account: str = "acct_merchant",
    *,
    kind: Any = "freeze",
    scope: dict[str, str] | None = None,
    applies_to: Any = "test",
    pause_payouts: bool | None = None,
) -> str:
    receipt = await engage(
        organization_id=house.id,
        member_id=house.members["controller"],
        kind=kind,
        scope=scope or {"stripe_account_id": account},
        applies_to=applies_to,
        reason="a drill",
        expires_at=None,
        signer=house.signer,
        pause_payouts=pause_payouts,
    )
    return receipt.control_id


async def _pause(control_id: str) -> dict[str, Any] | None:
    return await row("SELECT * FROM payout_pauses WHERE control_id = {}", control_id)


async def _connect(house: Any, account: str, *, mode: str) -> None:
    await rows(
        "INSERT INTO stripe_connections (id, organization_id, mode, stripe_account_id, token_ciphertext, "
        "write_actions, default_currency, is_default, status, profile, created_at) VALUES ({}, {}, {}, {}, {}, "
        "ARRAY['payout'], 'usd', false, 'active', jsonb_build_object(), now())",
        f"stripe_conn_{account}",
        house.id,
        mode,
        account,
        b"",
    )
