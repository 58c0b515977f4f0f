"""Transfers to connected accounts and back, and application fees: never more than is left."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import stripe

MERCHANT = "acct_demo_merchant_1"


def available(client: stripe.StripeClient, account: str) -> int:
    balance = client.v1.balance.retrieve({}, {"stripe_account": account})
    return {part.currency: part.amount for part in balance.available}["usd"]


@pytest.fixture
def transfer(client: stripe.StripeClient) -> stripe.Transfer:
    """A fresh transfer of $50."""
    return client.v1.transfers.create({"amount": 5_000, "currency": "usd", "destination": MERCHANT})


def test_a_transfer_moves_money_between_two_balances(start_sandbox: Callable[..., Any]) -> None:
    client = start_sandbox().client()
    platform, merchant = available(client, "acct_demo"), available(client, MERCHANT)

    transfer = client.v1.transfers.create(
        {"amount": 5_000, "currency": "usd", "destination": MERCHANT, "transfer_group": "dec_1"}
    )

    assert (available(client, "acct_demo"), available(client, MERCHANT)) == (platform - 5_000, merchant + 5_000)
    assert [found.id for found in client.v1.transfers.list({"transfer_group": "dec_1"})] == [transfer.id]
    assert client.v1.transfers.list({"transfer_group": "dec_2"}).data == []
    assert client.v1.transfers.list({"destination": MERCHANT}).data[0].id == transfer.id
    assert transfer.id not in {found.id for found in client.v1.transfers.list({"destination": "acct_demo_merchant_2"})}


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"destination": "acct_of_nobody"}, "resource_missing", "destination"),
        ({"destination": "acct_demo"}, "resource_missing", "destination"),
        ({"source_transaction": "ch_of_nobody"}, "resource_missing", "source_transaction"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"currency": "doge"}, None, "currency"),
        ({"amount": 900_000_000_000}, "balance_insufficient", None),
        ({"currency": "nzd"}, "balance_insufficient", None),
        ({"source_type": "card"}, None, "source_type"),
    ],
)
def test_a_transfer_that_stripe_would_refuse_is_refused(
    client: stripe.StripeClient, params: Any, code: str | None, param: str | None
) -> None:
    before = available(client, MERCHANT)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.transfers.create({"amount": 100, "currency": "usd", "destination": MERCHANT, **params})

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)
    assert available(client, MERCHANT) == before


def test_transfers_of_a_charge_end_at_its_amount_and_share_its_group(
    client: stripe.StripeClient, charge: stripe.Charge
) -> None:
    params: Any = {"currency": "usd", "destination": MERCHANT, "source_transaction": charge.id}
    first = client.v1.transfers.create(params | {"amount": 30_000})
    assert first.transfer_group == f"group_{charge.id.removeprefix('ch_')}"
    assert client.v1.charges.retrieve(charge.id).transfer_group == first.transfer_group

    with pytest.raises(stripe.InvalidRequestError, match=r"\(\$100.01\) is greater than .* \(\$100.00\)"):
        client.v1.transfers.create(params | {"amount": 10_001})
    with pytest.raises(stripe.InvalidRequestError, match="transfer_group"):
        client.v1.transfers.create(params | {"amount": 1, "transfer_group": "another"})
    with pytest.raises(stripe.InvalidRequestError, match="currency"):
        client.v1.transfers.create(params | {"amount": 1, "currency": "eur"})

    assert client.v1.transfers.create(params).amount == 10_000
    with pytest.raises(stripe.InvalidRequestError, match=r"\(\$0.00\)"):
        client.v1.transfers.create(params)


def test_reversals_end_at_the_amount_of_the_transfer(client: stripe.StripeClient, transfer: stripe.Transfer) -> None:
    part = client.v1.transfers.reversals.create(
        transfer.id, {"amount": 2_000, "metadata": {"axiru_decision_id": "dec_1"}}
    )
    assert (part.amount, part.transfer) == (2_000, transfer.id)
    with pytest.raises(stripe.InvalidRequestError, match=r"\(\$30.01\) is greater than unreversed amount \(\$30.00\)"):
        client.v1.transfers.reversals.create(transfer.id, {"amount": 3_001})

    rest = client.v1.transfers.reversals.create(transfer.id)

    assert rest.amount == 3_000
    after = client.v1.transfers.retrieve(transfer.id)
    assert (after.amount_reversed, after.reversed) == (5_000, True)
    assert [reversal.id for reversal in after.reversals.data] == [rest.id, part.id]
    assert [reversal.id for reversal in client.v1.transfers.reversals.list(transfer.id)] == [rest.id, part.id]
    assert client.v1.transfers.reversals.retrieve(transfer.id, part.id) == part
    with pytest.raises(stripe.InvalidRequestError, match="already fully reversed"):
        client.v1.transfers.reversals.create(transfer.id, {"amount": 1})


async def test_concurrent_reversals_never_exceed_the_transfer(
    client: stripe.StripeClient, transfer: stripe.Transfer
) -> None:
    async def reverse() -> bool:
        try:
            await client.v1.transfers.reversals.create_async(transfer.id, {"amount": 1_500})
        except stripe.InvalidRequestError:
            return False
        return True

    outcomes = await asyncio.gather(*(reverse() for _ in range(8)))

    assert outcomes.count(True) == 3
    assert client.v1.transfers.retrieve(transfer.id).amount_reversed == 4_500


def test_a_reversal_of_another_transfer_is_not_found(client: stripe.StripeClient, transfer: stripe.Transfer) -> None:
    reversal = client.v1.transfers.reversals.create(transfer.id, {"amount": 1})

    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.transfers.reversals.retrieve("tr_demo_001", reversal.id)
    assert missing.value.code == "resource_missing"
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.transfers.reversals.create("tr_of_nobody")
    assert missing.value.http_status == 404


def test_what_a_merchant_has_paid_out_cannot_be_taken_back(
    start_sandbox: Callable[..., Any],
) -> None:
    sandbox = start_sandbox()
    client = sandbox.client()
    transfer = client.v1.transfers.create({"amount": 5_000, "currency": "usd", "destination": MERCHANT})
    body = {"amount": 1_000 - available(client, MERCHANT), "currency": "usd", "account": MERCHANT}
    httpx.post(f"{sandbox.url}/_sandbox/balance", json=body).raise_for_status()

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.transfers.reversals.create(transfer.id)

    assert refused.value.code == "balance_insufficient"
    assert client.v1.transfers.retrieve(transfer.id).amount_reversed == 0


def test_a_transfers_description_and_metadata_can_change(
    client: stripe.StripeClient, transfer: stripe.Transfer
) -> None:
    updated = client.v1.transfers.update(transfer.id, {"description": "March", "metadata": {"a": "b"}})

    assert (updated.description, updated.metadata.to_dict()) == ("March", {"a": "b"})
    (event,) = client.v1.events.list({"type": "transfer.updated", "limit": 1}).data
    assert event.to_dict()["data"]["previous_attributes"] == {"description": None, "metadata": {}}


def test_fee_refunds_end_at_the_amount_of_the_fee(start_sandbox: Callable[..., Any]) -> None:
    client = start_sandbox().client()
    (fee,) = client.v1.application_fees.list({"charge": "ch_demo_fee_001"}).data
    assert (fee.id, fee.amount, fee.account) == ("fee_demo_001", 1_000, MERCHANT)
    assert client.v1.charges.retrieve("ch_demo_fee_001").application_fee == fee.id
    before = available(client, MERCHANT)

    part = client.v1.application_fees.refunds.create(fee.id, {"amount": 400, "metadata": {"why": "late"}})
    with pytest.raises(stripe.InvalidRequestError, match=r"\(\$6.01\) is greater than unrefunded amount on fee") as no:
        client.v1.application_fees.refunds.create(fee.id, {"amount": 601})
    assert no.value.param == "amount"
    rest = client.v1.application_fees.refunds.create(fee.id)

    after = client.v1.application_fees.retrieve(fee.id)
    assert (after.amount_refunded, after.refunded) == (1_000, True)
    assert [refund.id for refund in client.v1.application_fees.refunds.list(fee.id)] == [rest.id, part.id]
    assert available(client, MERCHANT) == before + 1_000
    with pytest.raises(stripe.InvalidRequestError, match="already been refunded"):
        client.v1.application_fees.refunds.create(fee.id)
    updated = client.v1.application_fees.refunds.update(fee.id, part.id, {"metadata": {"why": ""}})
    assert updated.metadata is not None
    assert updated.metadata.to_dict() == {}
    assert client.v1.application_fees.refunds.retrieve(fee.id, part.id).amount == 400
    with pytest.raises(stripe.InvalidRequestError, match="No such"):
        client.v1.application_fees.refunds.retrieve("fee_demo_002", part.id)
    told = [event.type for event in client.v1.events.list({"limit": 3})]
    assert told == ["application_fee.refund.updated", "application_fee.refunded", "application_fee.refunded"]
