"""Payout schedules: where they are held, who may change them, and the automatic payouts they make."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import stripe

DAY_SECONDS = 24 * 60 * 60
MERCHANT = "acct_demo_merchant_1"


def schedule(client: stripe.StripeClient, account: str) -> dict[str, Any]:
    settings = client.v1.balance_settings.retrieve({}, {"stripe_account": account})
    assert settings.payments.payouts is not None
    assert settings.payments.payouts.schedule is not None
    return dict(settings.payments.payouts.schedule.to_dict())


def set_schedule(client: stripe.StripeClient, account: str, **to: Any) -> None:
    client.v1.balance_settings.update({"payments": {"payouts": {"schedule": to}}}, {"stripe_account": account})  # type: ignore[typeddict-item]


def automatic(client: stripe.StripeClient, account: str) -> list[stripe.Payout]:
    listed = client.v1.payouts.list({"limit": 100}, {"stripe_account": account})
    return [payout for payout in listed if payout.automatic and payout.id != "po_demo_002"]


def test_a_schedule_set_in_one_api_shows_in_the_other(client: stripe.StripeClient) -> None:
    merchant = "acct_demo_merchant_3"
    assert schedule(client, merchant) == {"interval": "monthly", "monthly_payout_days": [1, 15]}

    set_schedule(client, merchant, interval="weekly", weekly_payout_days=["monday", "friday"])
    shown = client.v1.accounts.retrieve(merchant).settings
    assert shown is not None
    assert shown.payouts is not None
    assert shown.payouts.schedule.interval == "weekly"
    assert shown.payouts.schedule.weekly_payout_days == ["monday", "friday"]

    client.v1.accounts.update(merchant, {"settings": {"payouts": {"schedule": {"interval": "manual"}}}})
    assert schedule(client, merchant) == {"interval": "manual"}
    (event,) = client.v1.events.list({"type": "account.updated", "limit": 1}, {"stripe_account": merchant}).data
    before = event.to_dict()["data"]["previous_attributes"]["settings"]["payouts"]["schedule"]
    assert before == {"delay_days": 2, "interval": "weekly", "weekly_payout_days": ["monday", "friday"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"interval": "hourly"},
        {"interval": "weekly"},
        {"interval": "weekly", "weekly_payout_days": ["sunday"]},
        {"interval": "daily", "weekly_payout_days": ["monday"]},
        {"interval": "monthly", "monthly_payout_days": ["32"]},
        {"interval": "monthly", "monthly_payout_days": ["1.5"]},
        {"weekly_payout_days": ["monday"]},
        {"intervals": "daily"},
    ],
)
def test_a_schedule_that_cannot_be_is_refused(client: stripe.StripeClient, wrong: Any) -> None:
    before = schedule(client, "acct_demo_merchant_2")

    with pytest.raises(stripe.InvalidRequestError):
        set_schedule(client, "acct_demo_merchant_2", **wrong)

    assert schedule(client, "acct_demo_merchant_2") == before


def test_a_daily_schedule_pays_out_what_is_above_the_minimum(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    client = sandbox.client()
    above = client.v1.balance.retrieve({}, {"stripe_account": MERCHANT}).available[0].amount - 500_000
    assert above > 0

    sandbox.advance_clock(DAY_SECONDS)

    (payout,) = automatic(client, MERCHANT)
    assert (payout.amount, payout.currency, payout.status) == (above, "usd", "pending")
    assert payout.created % DAY_SECONDS == 0
    assert client.v1.balance.retrieve({}, {"stripe_account": MERCHANT}).available[0].amount == 500_000
    with pytest.raises(stripe.InvalidRequestError, match="it is automatic"):
        client.v1.payouts.cancel(payout.id, {}, {"stripe_account": MERCHANT})
    sandbox.advance_clock(5 * DAY_SECONDS)
    assert [(found.id, found.status) for found in automatic(client, MERCHANT)] == [(payout.id, "paid")]


def test_nothing_is_paid_out_while_the_schedule_is_manual(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    client = sandbox.client()
    set_schedule(client, MERCHANT, interval="manual")

    sandbox.advance_clock(10 * DAY_SECONDS)
    assert automatic(client, MERCHANT) == []

    set_schedule(client, MERCHANT, interval="daily")
    sandbox.advance_clock(DAY_SECONDS)
    assert len(automatic(client, MERCHANT)) == 1


def test_weekly_and_monthly_schedules_keep_to_their_days(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    client = sandbox.client()
    set_schedule(client, "acct_demo_merchant_3", interval="monthly", monthly_payout_days=[31])
    for _ in range(8):
        for account, currency in (("acct_demo_merchant_2", "usd"), ("acct_demo_merchant_3", "eur")):
            body = {"amount": 100, "currency": currency, "account": account}
            httpx.post(f"{sandbox.url}/_sandbox/balance", json=body).raise_for_status()
        sandbox.advance_clock(7 * DAY_SECONDS)

    def days(account: str) -> list[datetime]:
        return [datetime.fromtimestamp(payout.created, UTC) for payout in automatic(client, account)]

    assert len(days("acct_demo_merchant_2")) >= 7
    assert {day.strftime("%A") for day in days("acct_demo_merchant_2")} == {"Friday"}
    monthly = days("acct_demo_merchant_3")
    assert 1 <= len(monthly) <= 2
    # The 31st is the last day of a shorter month.
    assert {(day + timedelta(days=1)).day for day in monthly} == {1}


def test_a_schedule_survives_a_restart(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    set_schedule(sandbox.client(), MERCHANT, interval="manual")
    sandbox.kill()
    sandbox.start()

    assert schedule(sandbox.client(), MERCHANT) == {"interval": "manual"}
    sandbox.advance_clock(3 * DAY_SECONDS)
    assert automatic(sandbox.client(), MERCHANT) == []


def test_an_account_sees_itself_and_those_connected_to_it(client: stripe.StripeClient) -> None:
    listed = client.v1.accounts.list()
    assert [account.id for account in listed] == [f"acct_demo_merchant_{number}" for number in (3, 2, 1)]
    own = client.v1.accounts.retrieve_current()
    assert (own.id, own.country, own.default_currency) == ("acct_demo", "US", "usd")
    as_merchant: Any = {"stripe_account": MERCHANT}
    assert client.v1.accounts.retrieve_current({}, as_merchant).id == MERCHANT

    for account, options in (("acct_elsewhere", {}), ("acct_demo", as_merchant), ("acct_demo_merchant_2", as_merchant)):
        with pytest.raises(stripe.PermissionError) as refused:
            client.v1.accounts.retrieve(account, {}, options)
        assert refused.value.error is not None
        assert (refused.value.http_status, refused.value.error.code) == (403, "account_invalid")


def test_a_platform_changes_its_connected_accounts_and_not_itself(client: stripe.StripeClient) -> None:
    updated = client.v1.accounts.update("acct_demo_merchant_2", {"metadata": {"tier": "gold"}})
    assert updated.metadata is not None
    assert updated.metadata.to_dict() == {"tier": "gold"}

    for account in ("acct_demo", "acct_elsewhere"):
        with pytest.raises(stripe.PermissionError):
            client.v1.accounts.update(account, {"metadata": {"tier": "gold"}})
