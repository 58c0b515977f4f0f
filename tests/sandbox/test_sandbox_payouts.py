"""Payouts through the real stripe library: currencies, balances, cancelling, reversing, and what time does to them."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
import stripe

DAY_SECONDS = 24 * 60 * 60


@pytest.fixture
def fund(sandbox: Any) -> Callable[..., None]:
    """Put money into an account's balance."""

    def put(account: str, amount: int, currency: str = "usd") -> None:
        body = {"amount": amount, "currency": currency, "account": account}
        httpx.post(f"{sandbox.url}/_sandbox/balance", json=body).raise_for_status()

    return put


@pytest.fixture
def own(sandbox: Any, fund: Callable[..., None]) -> stripe.StripeClient:
    """A client of an account of the test's own, with $1,000."""
    account = f"acct_{uuid4().hex[:16]}"
    fund(account, 100_000)
    client: stripe.StripeClient = sandbox.client(stripe_account=account)
    return client


@pytest.fixture
def clocked(start_sandbox: Callable[..., Any]) -> Any:
    """A sandbox whose clock is the test's own."""
    return start_sandbox()


def available(client: stripe.StripeClient, currency: str = "usd") -> int:
    return {part.currency: part.amount for part in client.v1.balance.retrieve().available}.get(currency, 0)


def move(sandbox: Any, object_id: str, **to: Any) -> httpx.Response:
    return httpx.post(f"{sandbox.url}/_sandbox/objects/{object_id}", json=to)


def test_a_payout_takes_its_money_from_the_balance_at_once(own: stripe.StripeClient) -> None:
    payout = own.v1.payouts.create({"amount": 30_000, "currency": "usd", "metadata": {"axiru_decision_id": "dec_1"}})

    assert (payout.status, payout.automatic, payout.method, payout.type) == (
        "pending",
        False,
        "standard",
        "bank_account",
    )
    assert payout.metadata is not None
    assert payout.metadata.to_dict() == {"axiru_decision_id": "dec_1"}
    assert available(own) == 70_000
    transaction = own.v1.balance_transactions.retrieve(str(payout.balance_transaction))
    assert (transaction.type, transaction.net, transaction.source) == ("payout", -30_000, payout.id)


def test_an_over_payout_is_refused_and_moves_nothing(own: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        own.v1.payouts.create({"amount": 100_001, "currency": "usd"})

    assert (refused.value.http_status, refused.value.code) == (400, "balance_insufficient")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        own.v1.payouts.create({"amount": 1, "currency": "eur"})
    assert refused.value.code == "balance_insufficient"
    assert available(own) == 100_000
    assert own.v1.payouts.list().data == []


async def test_concurrent_payouts_never_exceed_the_balance(own: stripe.StripeClient) -> None:
    async def pay_out() -> bool:
        try:
            await own.v1.payouts.create_async({"amount": 15_000, "currency": "usd"})
        except stripe.InvalidRequestError:
            return False
        return True

    outcomes = await asyncio.gather(*(pay_out() for _ in range(12)))

    assert outcomes.count(True) == 6
    assert available(own) == 10_000


@pytest.mark.parametrize(
    ("currency", "amount", "divisible_by"),
    [("jpy", 501, None), ("kwd", 1_230, None), ("kwd", 1_234, 10), ("huf", 1_000, None), ("huf", 1_001, 100)],
)
def test_amounts_follow_what_banks_of_the_currency_take(
    own: stripe.StripeClient, fund: Callable[..., None], currency: str, amount: int, divisible_by: int | None
) -> None:
    account = str(own.v1.accounts.retrieve_current().id)
    fund(account, 1_000_000, currency)
    if divisible_by is None:
        assert own.v1.payouts.create({"amount": amount, "currency": currency}).currency == currency
        return
    with pytest.raises(stripe.InvalidRequestError, match=f"must be divisible by {divisible_by}") as refused:
        own.v1.payouts.create({"amount": amount, "currency": currency})
    assert refused.value.param == "amount"


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"currency": "usd"}, "parameter_missing", "amount"),
        ({"amount": 100}, "parameter_missing", "currency"),
        ({"amount": 0, "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": -1, "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": "1e2", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": 100, "currency": "btc"}, None, "currency"),
        ({"amount": 100, "currency": "usd", "destination": "ba_of_nobody"}, "resource_missing", "destination"),
        ({"amount": 100, "currency": "usd", "method": "fast"}, None, "method"),
        ({"amount": 100, "currency": "usd", "destinations": "x"}, "parameter_unknown", "destinations"),
    ],
)
def test_a_payout_that_stripe_would_refuse_is_refused(
    own: stripe.StripeClient, params: Any, code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        own.v1.payouts.create(params)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)
    assert available(own) == 100_000


def test_a_bank_account_takes_its_own_currency_only(client: stripe.StripeClient) -> None:
    taken = client.v1.payouts.create({"amount": 100, "currency": "eur", "destination": "ba_demo_eur"})
    assert taken.destination == "ba_demo_eur"

    with pytest.raises(stripe.InvalidRequestError, match="don't have any external accounts in that currency"):
        client.v1.payouts.create({"amount": 100, "currency": "usd", "destination": "ba_demo_eur"})


def test_a_pending_manual_payout_can_be_canceled_once(own: stripe.StripeClient) -> None:
    payout = own.v1.payouts.create({"amount": 30_000, "currency": "usd"})

    assert own.v1.payouts.cancel(payout.id).status == "canceled"

    assert available(own) == 100_000
    with pytest.raises(stripe.InvalidRequestError, match="its status is canceled"):
        own.v1.payouts.cancel(payout.id)
    assert available(own) == 100_000


def test_a_payout_leaves_arrives_and_cannot_be_canceled_any_more(clocked: Any) -> None:
    client = clocked.client()
    payout = client.v1.payouts.create({"amount": 100, "currency": "usd"})
    clocked.advance_clock(DAY_SECONDS)
    assert client.v1.payouts.retrieve(payout.id).status == "in_transit"
    with pytest.raises(stripe.InvalidRequestError, match="its status is in_transit"):
        client.v1.payouts.cancel(payout.id)

    clocked.advance_clock(DAY_SECONDS)

    assert client.v1.payouts.retrieve(payout.id).status == "paid"
    told = [event.type for event in client.v1.events.list({"limit": 20}) if event.data.object["id"] == payout.id]
    assert told == ["payout.paid", "payout.updated", "payout.created"]
    by_time = client.v1.events.list({"limit": 1, "type": "payout.paid"}).data[0].request
    assert by_time is not None
    assert (by_time.id, by_time.idempotency_key) == (None, None)


def test_a_payout_to_a_closed_bank_account_fails_and_its_money_comes_back(clocked: Any) -> None:
    client = clocked.client(stripe_account="acct_demo_merchant_2")
    before = available(client)
    payout = client.v1.payouts.create({"amount": 100, "currency": "usd", "destination": "ba_closed"})
    assert available(client) == before - 100

    clocked.advance_clock(2 * DAY_SECONDS)

    failed = client.v1.payouts.retrieve(payout.id)
    assert (failed.status, failed.failure_code) == ("failed", "account_closed")
    returned = client.v1.balance_transactions.retrieve(str(failed.failure_balance_transaction))
    assert (returned.type, returned.net) == ("payout_failure", 100)


def test_what_has_left_is_reversed_by_a_negative_payout(
    sandbox: Any, client: stripe.StripeClient, own: stripe.StripeClient
) -> None:
    account = str(own.v1.accounts.retrieve_current().id)
    payout = own.v1.payouts.create({"amount": 30_000, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="cancel instead"):
        own.v1.payouts.reverse(payout.id)
    for status in ("in_transit", "paid"):
        move(sandbox, payout.id, status=status, account=account).raise_for_status()

    reversal = own.v1.payouts.reverse(payout.id, {"metadata": {"axiru_decision_id": "dec_2"}})

    assert (reversal.amount, reversal.original_payout, reversal.status) == (-30_000, payout.id, "pending")
    assert own.v1.payouts.retrieve(payout.id).reversed_by == reversal.id
    assert available(own) == 70_000
    with pytest.raises(stripe.InvalidRequestError, match=f"already reversed by {reversal.id}"):
        own.v1.payouts.reverse(payout.id)
    with pytest.raises(stripe.InvalidRequestError, match="itself a reversal"):
        own.v1.payouts.reverse(reversal.id)
    move(sandbox, reversal.id, status="paid", account=account).raise_for_status()
    assert available(own) == 100_000


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"amount": 100, "currency": "eur"}, "US and Canada"),
        ({"amount": 100, "currency": "usd", "method": "instant"}, "instant"),
        ({"amount": 100, "currency": "usd", "destination": "card_demo"}, "US and Canada"),
    ],
)
def test_what_stripe_cannot_reverse_stays_paid(
    sandbox: Any, client: stripe.StripeClient, params: Any, why: str
) -> None:
    payout = client.v1.payouts.create(params)
    move(sandbox, payout.id, status="paid").raise_for_status()

    with pytest.raises(stripe.InvalidRequestError, match=why):
        client.v1.payouts.reverse(payout.id)
    assert client.v1.payouts.retrieve(payout.id).reversed_by is None


def test_a_reversal_ends_with_a_payout_that_fails(sandbox: Any, own: stripe.StripeClient) -> None:
    account = str(own.v1.accounts.retrieve_current().id)
    payout = own.v1.payouts.create({"amount": 30_000, "currency": "usd"})
    move(sandbox, payout.id, status="in_transit", account=account).raise_for_status()
    reversal = own.v1.payouts.reverse(payout.id)

    move(sandbox, payout.id, status="failed", failure_code="no_account", account=account).raise_for_status()

    assert own.v1.payouts.retrieve(reversal.id).status == "canceled"
    assert available(own) == 100_000


def test_a_payout_goes_no_way_that_stripe_does_not_have(sandbox: Any, own: stripe.StripeClient) -> None:
    account = str(own.v1.accounts.retrieve_current().id)
    payout = own.v1.payouts.create({"amount": 100, "currency": "usd"})
    own.v1.payouts.cancel(payout.id)

    refused = move(sandbox, payout.id, status="paid", account=account)

    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "status")
    assert move(sandbox, "po_of_nobody", status="paid", account=account).status_code == 404
    assert move(sandbox, "ch_demo_001", status="paid").status_code == 404


def test_payouts_are_listed_by_when_they_were_made_and_what_became_of_them(clocked: Any) -> None:
    client = clocked.client()
    first = client.v1.payouts.create({"amount": 100, "currency": "gbp"})
    clocked.advance_clock(10)
    second = client.v1.payouts.create({"amount": 200, "currency": "gbp"})
    client.v1.payouts.cancel(second.id)

    def ids(**params: Any) -> list[str]:
        return [payout.id for payout in client.v1.payouts.list({"limit": 100, **params})]

    assert ids(created={"gte": first.created})[:2] == [second.id, first.id]
    assert first.id not in ids(created={"gt": first.created})
    assert ids(status="canceled") == [second.id]
    assert second.id in ids(destination="ba_demo_gbp")
    assert first.id in ids(arrival_date=first.arrival_date)
    assert ids(arrival_date={"lt": first.created - 90 * DAY_SECONDS}) == []


def test_metadata_of_a_payout_is_all_that_can_change(own: stripe.StripeClient) -> None:
    payout = own.v1.payouts.create({"amount": 100, "currency": "usd", "metadata": {"kept": "1", "gone": "2"}})

    updated = own.v1.payouts.update(payout.id, {"metadata": {"gone": "", "new": "3"}})

    assert updated.metadata is not None
    assert updated.metadata.to_dict() == {"kept": "1", "new": "3"}
    wrong: Any = {"amount": 1}
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter"):
        own.v1.payouts.update(payout.id, wrong)


def test_a_repeated_payout_is_made_once_and_one_account_does_not_see_anothers(
    own: stripe.StripeClient, client: stripe.StripeClient
) -> None:
    form: Any = {"amount": 100, "currency": "usd"}
    made = {own.v1.payouts.create(form, {"idempotency_key": "same"}).id for _ in range(3)}

    assert len(made) == 1
    assert available(own) == 99_900
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.payouts.retrieve(made.pop())
    assert missing.value.http_status == 404
