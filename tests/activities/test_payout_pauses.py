"""Payout schedules at Stripe: stopped for a freeze and given back as they were, whatever comes in between."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from activities import payout_pauses
from activities.payout_pauses import PayoutPauses
from activities.stripe_client import StripeClients
from axiru.database import row, rows
from axiru.settings import Settings
from axiru.vault import Vault
from ledger.acts.control import engage, lift
from ledger.keys import load_signer

WEEKLY = {"interval": "weekly", "weekly_payout_days": ["friday"]}
MONTHLY = {"interval": "monthly", "monthly_payout_days": [1, 15]}
DAILY = {"interval": "daily"}
MANUAL = {"interval": "manual"}
TIMEOUT_SECONDS = 3
"""The worker's patience with Stripe, which a busy machine does not use up."""


class Killed(Exception):
    """Stands for the end of a process: nobody catches it."""


class Accounts:
    """The demo account's merchants at Stripe, as their platform sees them."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, headers={"Authorization": "Bearer sk_test_owner"}, timeout=10)

    def schedule(self, account: str) -> dict[str, Any]:
        settings = self._http.get("/v1/balance_settings", headers={"Stripe-Account": account}).raise_for_status().json()
        schedule: dict[str, Any] = settings["payments"]["payouts"]["schedule"]
        return schedule

    def set(self, account: str, schedule: dict[str, Any]) -> None:
        form = {"payments[payouts][schedule][interval]": schedule["interval"]}
        for name, days in schedule.items():
            if isinstance(days, list):
                form |= {f"payments[payouts][schedule][{name}][{place}]": str(day) for place, day in enumerate(days)}
        answer = self._http.post("/v1/balance_settings", data=form, headers={"Stripe-Account": account})
        assert answer.status_code == 200, answer.text

    def plan_fault(self, kind: str, *, method: str = "POST", seconds: float = 0, times: int = 1) -> None:
        fault = {"kind": kind, "path": "/v1/balance_settings", "method": method, "times": times, "seconds": seconds}
        self._http.post("/_sandbox/faults", json=fault).raise_for_status()

    def changes(self) -> list[dict[str, Any]]:
        """Calls that would have changed a schedule, since `forget`."""
        found = self._http.get("/_sandbox/requests?path=/v1/balance_settings&method=POST").json()["data"]
        return [each for each in found if each["account"] != "acct_demo"]

    def forget(self) -> None:
        self._http.delete("/_sandbox/faults").raise_for_status()
        self._http.delete("/_sandbox/requests").raise_for_status()


class Freezes:
    """Freezes of the demo organization, and a worker that is told when to work."""

    def __init__(self, settings: Settings, clients: StripeClients, signer: Any, member_id: str) -> None:
        self._settings, self._clients = settings, clients
        self._signer, self._member_id = signer, member_id
        self.engaged: list[str] = []
        self.worker = self.another_worker()

    def another_worker(self) -> PayoutPauses:
        return PayoutPauses(self._settings, self._clients, self._signer)

    async def freeze(
        self, account: str, *, expires_at: datetime | None = None, pause_payouts: bool | None = None
    ) -> str:
        receipt = await engage(
            organization_id="org_demo",
            member_id=self._member_id,
            kind="freeze",
            scope={"stripe_account_id": account},
            applies_to="test",
            reason="a drill",
            expires_at=expires_at,
            signer=self._signer,
            pause_payouts=pause_payouts,
        )
        self.engaged.append(receipt.control_id)
        return receipt.control_id

    async def lift(self, control_id: str) -> None:
        await lift(
            organization_id="org_demo",
            member_id=self._member_id,
            control_id=control_id,
            reason="over",
            signer=self._signer,
        )
        self.engaged.remove(control_id)

    async def work(self) -> None:
        """Until nothing is due."""
        while await self.worker.work_once():
            pass

    async def pause(self, control_id: str) -> dict[str, Any]:
        found = await row("SELECT * FROM payout_pauses WHERE control_id = {}", control_id)
        assert found is not None
        schedule = found["schedule_before"]
        return {**found, "schedule_before": msgspec.json.decode(schedule) if schedule else None}

    async def state(self, control_id: str) -> str:
        return str((await self.pause(control_id))["state"])

    async def sealed(self, control_id: str) -> list[str]:
        found = await rows(
            "SELECT convert_from(body, 'UTF8')::jsonb -> 'data' ->> 'state' AS state FROM ledger_entries "
            "WHERE organization_id = 'org_demo' AND kind = 'payout_pause' "
            "AND convert_from(body, 'UTF8')::jsonb -> 'data' ->> 'control_id' = {} ORDER BY seq",
            control_id,
        )
        return [each["state"] for each in found]

    async def due_now(self) -> None:
        """As if the waits after a failure were over, and the lease of a worker that is gone."""
        await rows(
            "UPDATE payout_pauses SET next_attempt_at = now(), leased_until = NULL "
            "WHERE state IN ('pausing', 'restoring')"
        )


@pytest.fixture(scope="module")
def accounts(stripe_url: str) -> Accounts:
    return Accounts(stripe_url)


@pytest.fixture
async def freezes(settings: Settings, executions: Any, accounts: Accounts) -> AsyncIterator[Freezes]:
    accounts.forget()
    for number, schedule in enumerate((DAILY, WEEKLY, MONTHLY), start=1):
        accounts.set(f"acct_demo_merchant_{number}", schedule)
    accounts.forget()
    patient = msgspec.structs.replace(settings, stripe_timeout_seconds=TIMEOUT_SECONDS)
    vault = Vault.from_settings(patient)
    clients = StripeClients(patient, vault)
    member = await row("SELECT id FROM members WHERE email = 'controller@demo.example'")
    assert member is not None
    made = Freezes(patient, clients, await load_signer(vault), member["id"])
    yield made
    accounts.forget()
    for control_id in list(made.engaged):
        await made.lift(control_id)
    await made.due_now()
    await made.work()
    await clients.close()


@pytest.mark.parametrize(
    ("account", "schedule"),
    [("acct_demo_merchant_1", DAILY), ("acct_demo_merchant_2", WEEKLY), ("acct_demo_merchant_3", MONTHLY)],
)
async def test_a_frozen_account_is_paid_by_hand_only_and_gets_its_schedule_back(
    freezes: Freezes, accounts: Accounts, account: str, schedule: dict[str, Any]
) -> None:
    control_id = await freezes.freeze(account)
    await freezes.work()
    assert accounts.schedule(account) == MANUAL
    paused = await freezes.pause(control_id)
    assert (paused["state"], paused["schedule_before"], paused["detail"]) == ("paused", schedule, None)

    await freezes.lift(control_id)
    await freezes.work()
    assert accounts.schedule(account) == schedule
    assert await freezes.state(control_id) == "restored"
    assert await freezes.sealed(control_id) == ["pausing", "paused", "restored"]


async def test_a_freeze_that_ends_by_time_gives_the_schedule_back(freezes: Freezes, accounts: Accounts) -> None:
    control_id = await freezes.freeze("acct_demo_merchant_2", expires_at=datetime.now(UTC) + timedelta(seconds=6))
    await freezes.work()
    assert accounts.schedule("acct_demo_merchant_2") == MANUAL
    async with asyncio.timeout(20):
        while await freezes.state(control_id) != "restored":
            await freezes.work()
            await asyncio.sleep(0.1)
    assert accounts.schedule("acct_demo_merchant_2") == WEEKLY


async def test_only_the_end_of_the_last_of_two_freezes_gives_the_schedule_back(
    freezes: Freezes, accounts: Accounts
) -> None:
    first = await freezes.freeze("acct_demo_merchant_2")
    await freezes.work()
    second = await freezes.freeze("acct_demo_merchant_2")
    await freezes.work()
    assert (await freezes.pause(second))["schedule_before"] == WEEKLY

    await freezes.lift(first)
    await freezes.work()
    assert accounts.schedule("acct_demo_merchant_2") == MANUAL
    waiting = await freezes.pause(first)
    assert (waiting["state"], waiting["detail"]) == ("restoring", "Another freeze of this account goes on.")

    await freezes.lift(second)
    await freezes.work()
    assert accounts.schedule("acct_demo_merchant_2") == WEEKLY
    assert [await freezes.state(each) for each in (first, second)] == ["restored", "restored"]
    assert len(accounts.changes()) == 2


async def test_a_schedule_that_was_changed_meanwhile_stays(freezes: Freezes, accounts: Accounts) -> None:
    control_id = await freezes.freeze("acct_demo_merchant_1")
    await freezes.work()
    accounts.set("acct_demo_merchant_1", WEEKLY)
    await freezes.lift(control_id)
    await freezes.work()
    assert accounts.schedule("acct_demo_merchant_1") == WEEKLY
    restored = await freezes.pause(control_id)
    assert restored["state"] == "restored"
    assert "changed at Stripe meanwhile and stays as it is: weekly on friday" in restored["detail"]


async def test_an_account_that_was_paid_by_hand_before_stays_so(freezes: Freezes, accounts: Accounts) -> None:
    accounts.set("acct_demo_merchant_1", MANUAL)
    accounts.forget()
    control_id = await freezes.freeze("acct_demo_merchant_1")
    await freezes.work()
    assert (await freezes.pause(control_id))["detail"] == "Payouts were manual before."
    await freezes.lift(control_id)
    await freezes.work()
    assert await freezes.state(control_id) == "restored"
    assert accounts.changes() == []


async def test_a_freeze_lifted_before_anything_was_done_changes_nothing(freezes: Freezes, accounts: Accounts) -> None:
    control_id = await freezes.freeze("acct_demo_merchant_1")
    await freezes.lift(control_id)
    await freezes.work()
    assert await freezes.state(control_id) == "restored"
    assert accounts.changes() == []


async def test_a_freeze_lifted_while_its_pause_is_under_way_is_undone_after_it(
    freezes: Freezes, accounts: Accounts
) -> None:
    accounts.plan_fault("hang_seconds", seconds=0.6)
    control_id = await freezes.freeze("acct_demo_merchant_2")
    pausing = asyncio.create_task(freezes.worker.work_once())
    await _begun(accounts)
    await freezes.lift(control_id)
    # Another worker finds the account taken until the first is done with it.
    assert not await freezes.another_worker().work_once()
    await pausing
    await freezes.work()
    assert accounts.schedule("acct_demo_merchant_2") == WEEKLY
    assert await freezes.state(control_id) == "restored"


@pytest.mark.parametrize("kind", ["drop_connection_after", "status_500_after", "status_500_before", "hang_seconds"])
async def test_a_lost_answer_loses_no_schedule(freezes: Freezes, accounts: Accounts, kind: str) -> None:
    accounts.plan_fault(kind, seconds=TIMEOUT_SECONDS + 2)
    control_id = await freezes.freeze("acct_demo_merchant_3")
    assert await freezes.worker.work_once()
    kept = await freezes.pause(control_id)
    assert (kept["state"], kept["schedule_before"]) == ("pausing", MONTHLY)

    await freezes.due_now()
    await freezes.work()
    assert accounts.schedule("acct_demo_merchant_3") == MANUAL
    assert (await freezes.pause(control_id))["schedule_before"] == MONTHLY

    accounts.plan_fault(kind, seconds=TIMEOUT_SECONDS + 2)
    await freezes.lift(control_id)
    await freezes.work()
    await freezes.due_now()
    await freezes.work()
    assert accounts.schedule("acct_demo_merchant_3") == MONTHLY
    assert await freezes.state(control_id) == "restored"


async def test_a_worker_killed_at_the_switch_loses_no_schedule(
    freezes: Freezes, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object) -> None:
        raise Killed

    control_id = await freezes.freeze("acct_demo_merchant_3")
    with monkeypatch.context() as patched:
        patched.setattr(payout_pauses, "settle_pause", killed)
        with pytest.raises(Killed):
            await freezes.worker.work_once()
    assert accounts.schedule("acct_demo_merchant_3") == MANUAL
    # Until its lease is over, nobody touches the account.
    assert not await freezes.another_worker().work_once()

    await freezes.lift(control_id)
    await freezes.due_now()
    await freezes.work()
    assert accounts.schedule("acct_demo_merchant_3") == MONTHLY


async def test_two_workers_at_once_do_everything_once(freezes: Freezes, accounts: Accounts) -> None:
    first, second = [await freezes.freeze("acct_demo_merchant_2") for _ in range(2)]
    other = freezes.another_worker()
    for _ in range(3):
        await asyncio.gather(freezes.worker.work_once(), other.work_once())
    assert [await freezes.state(each) for each in (first, second)] == ["paused", "paused"]
    assert len(accounts.changes()) == 1
    for each in (first, second):
        await freezes.lift(each)
    for _ in range(3):
        await asyncio.gather(freezes.worker.work_once(), other.work_once())
    assert accounts.schedule("acct_demo_merchant_2") == WEEKLY
    assert len(accounts.changes()) == 2


async def test_a_worker_that_was_held_up_does_not_switch(
    freezes: Freezes, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    control_id = await freezes.freeze("acct_demo_merchant_1")
    moments = iter([0.0, 1_000.0])
    with monkeypatch.context() as patched:
        patched.setattr(payout_pauses, "monotonic", lambda: next(moments))
        assert await freezes.worker.work_once()
    assert accounts.changes() == []
    assert await freezes.state(control_id) == "pausing"


async def test_what_stripe_refuses_is_said_and_not_tried_again(freezes: Freezes) -> None:
    control_id = await freezes.freeze("no_account_of_this_platform")
    await freezes.work()
    failed = await freezes.pause(control_id)
    assert failed["state"] == "failed"
    assert failed["detail"].startswith("Stripe refused: ")
    assert await freezes.sealed(control_id) == ["pausing", "failed"]
    await freezes.lift(control_id)
    await freezes.work()
    assert await freezes.state(control_id) == "failed"


async def _begun(accounts: Accounts) -> None:
    """Return once a change is under way at Stripe."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if accounts.changes():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("no change came to Stripe")
