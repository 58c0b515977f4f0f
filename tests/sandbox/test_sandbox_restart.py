"""What was answered stays, however the process ends."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
import stripe
from click.testing import CliRunner

from axiru.dev.sandbox.__main__ import main

CHARGE = "ch_demo_007"


def test_a_stopped_sandbox_exits_0_and_starts_with_what_it_knew(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    client = sandbox.client()
    refund = client.v1.refunds.create({"charge": CHARGE, "amount": 100}, {"idempotency_key": "key-1"})
    sandbox.advance_clock(3600)
    assert sandbox.stop() == 0
    sandbox.start()
    client = sandbox.client()

    assert client.v1.refunds.retrieve(refund.id) == refund
    again = client.v1.refunds.create({"charge": CHARGE, "amount": 100}, {"idempotency_key": "key-1"})
    assert again.id == refund.id
    assert client.v1.charges.retrieve(CHARGE).amount_refunded == 100
    assert (
        len(
            {f"ch_demo_{number:03}" for number in range(1, 21)}
            & {charge.id for charge in client.v1.charges.list({"limit": 100})}
        )
        == 20
    )
    assert client.v1.refunds.create({"charge": CHARGE, "amount": 1}).created >= refund.created + 3600


def test_what_time_was_to_do_is_done_after_kill_9(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    payout = sandbox.client().v1.payouts.create({"amount": 100, "currency": "usd"})
    sandbox.advance_clock(24 * 60 * 60)
    sandbox.kill()
    sandbox.start()
    client = sandbox.client()
    assert client.v1.payouts.retrieve(payout.id).status == "in_transit"

    sandbox.advance_clock(24 * 60 * 60)

    assert client.v1.payouts.retrieve(payout.id).status == "paid"
    about = [event for event in client.v1.events.list({"limit": 100}) if event.data.object["id"] == payout.id]
    assert [event.type for event in about] == ["payout.paid", "payout.updated", "payout.created"]


@pytest.mark.parametrize("kill_after_seconds", [0.1, 0.25])
def test_kill_9_between_refunds_loses_none_and_doubles_none(
    start_sandbox: Callable[..., Any], kill_after_seconds: float
) -> None:
    sandbox = start_sandbox()
    client = sandbox.client()
    answered: dict[str, str] = {}
    tried: list[str] = []

    def refund(key: str) -> str:
        tried.append(key)
        made = client.v1.refunds.create(
            {"charge": CHARGE, "amount": 100, "metadata": {"key": key}}, {"idempotency_key": key}
        )
        return str(made.id)

    answered["key-first"] = refund("key-first")
    killer = Timer(kill_after_seconds, sandbox.kill)
    killer.start()
    with suppress(stripe.APIConnectionError):
        for number in range(390):
            answered[f"key-{number}"] = refund(f"key-{number}")
    killer.join()
    sandbox.start()
    client = sandbox.client()

    kept = {entry.metadata["key"]: entry.id for entry in client.v1.refunds.list({"charge": CHARGE}).auto_paging_iter()}
    assert 0 < len(answered) < len(tried)
    assert answered.items() <= kept.items()
    assert client.v1.charges.retrieve(CHARGE).amount_refunded == 100 * len(kept)
    # The request that got no answer is repeated: it made its refund then or makes it now, and never both.
    interrupted = tried[-1]
    made_now = refund(interrupted)
    assert kept.get(interrupted, made_now) == made_now
    assert client.v1.charges.retrieve(CHARGE).amount_refunded == 100 * len(kept | {interrupted: made_now})


def test_a_second_sandbox_on_the_same_state_is_refused(start_sandbox: Callable[..., Any], tmp_path: Path) -> None:
    start_sandbox()

    result = CliRunner().invoke(main, ["--port", "1", "--state", str(tmp_path / "stripe")])

    assert result.exit_code == 1
    assert "Is another sandbox running on it?" in result.output
