"""Whatever is done in whatever order: no object gives more than it has, and no balance pays out what is not there."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from axiru.dev.sandbox.agenda import Agenda
from axiru.dev.sandbox.clock import Clock
from axiru.dev.sandbox.dashboard import Dashboard, Move, NewDispute
from axiru.dev.sandbox.operations.amounts import CURRENCIES, payable_step
from axiru.dev.sandbox.refusals import StripeRefusal
from axiru.dev.sandbox.seeds import seed_once
from axiru.dev.sandbox.store import Store

ACCOUNTS = ("acct_demo", "acct_demo_merchant_1", "acct_demo_merchant_2", "acct_demo_merchant_3")
LISTED = {"payout": "payouts", "transfer": "transfers", "refund": "refunds", "application_fee": "application_fees"}


class Shop:
    """A sandbox within the process, as its dashboard sees it."""

    def __init__(self, directory: Path) -> None:
        self.store = Store(directory / "stripe.sqlite")
        self.clock = Clock(self.store)
        seed_once(self.store, account="acct_demo", now=self.clock.now())
        self.dashboard = Dashboard(self.store, self.clock, default_account="acct_demo", webhooks=None)
        self.agenda = Agenda(self.store, self.clock, announces=False)

    def post(self, path: str, account: str = "acct_demo", **params: Any) -> None:
        """Do it, or be refused, both of which are fine."""
        try:
            self.dashboard.do("POST", path, params, account=account)
        except StripeRefusal:
            return

    def objects(self, kind: str, account: str = "acct_demo") -> list[dict[str, Any]]:
        listed = self.dashboard.do("GET", f"/v1/{LISTED[kind]}", {"limit": 100}, account=account)
        found: list[dict[str, Any]] = listed["data"]
        return found

    def available(self, account: str) -> dict[str, int]:
        return self.dashboard.books(account).available()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    opened = Shop(tmp_path)
    yield opened
    opened.store.close()


amounts = st.integers(min_value=1, max_value=60_000)
pick = st.integers(min_value=0, max_value=3)
steps = st.one_of(
    st.tuples(st.just("payout"), pick, amounts),
    st.tuples(st.just("take_back"), pick, amounts),
    st.tuples(st.just("transfer"), pick, amounts),
    st.tuples(st.just("reversal"), pick, amounts),
    st.tuples(st.just("fee_refund"), pick, amounts),
    st.tuples(st.just("refund"), pick, amounts),
    st.tuples(st.just("dispute"), pick, amounts),
    st.tuples(st.just("fail"), pick, amounts),
    st.tuples(st.just("time"), pick, amounts),
)


def _take_back(shop: Shop, which: int) -> None:
    account = ACCOUNTS[which]
    for payout in shop.objects("payout", account)[:2]:
        shop.post(f"/v1/payouts/{payout['id']}/cancel", account)
        shop.post(f"/v1/payouts/{payout['id']}/reverse", account)


def _fail(shop: Shop, which: int) -> None:
    kind = "payout" if which % 2 else "refund"
    for found in shop.objects(kind)[:1]:
        try:
            shop.dashboard.move(found["id"], Move(status="failed"))
        except StripeRefusal:
            continue


def _dispute(shop: Shop, which: int) -> None:
    charge = f"ch_demo_{which + 1:03}"
    if not shop.dashboard.do("GET", f"/v1/charges/{charge}", {})["disputed"]:
        shop.dashboard.dispute(NewDispute(charge=charge))


def _let_time_pass(shop: Shop, seconds: int) -> None:
    shop.clock.advance(seconds)
    shop.agenda.catch_up()


STEPS: dict[str, Callable[[Shop, int, int], None]] = {
    "payout": lambda shop, which, amount: shop.post("/v1/payouts", ACCOUNTS[which], amount=amount * 10, currency="usd"),
    "take_back": lambda shop, which, _: _take_back(shop, which),
    "transfer": lambda shop, which, amount: shop.post(
        "/v1/transfers", amount=amount, currency="usd", destination=ACCOUNTS[which]
    ),
    "reversal": lambda shop, which, amount: shop.post(
        f"/v1/transfers/{shop.objects('transfer')[which]['id']}/reversals", amount=amount
    ),
    "fee_refund": lambda shop, which, amount: shop.post(
        f"/v1/application_fees/fee_demo_{which + 1:03}/refunds", amount=amount % 700
    ),
    "refund": lambda shop, which, amount: shop.post("/v1/refunds", charge=f"ch_demo_{which + 1:03}", amount=amount),
    "dispute": lambda shop, which, _: _dispute(shop, which),
    "fail": lambda shop, which, _: _fail(shop, which),
    "time": lambda shop, _, amount: _let_time_pass(shop, amount * 7),
}


@settings(max_examples=25, deadline=None)
@example([("take_back", 0, 1), ("take_back", 0, 1)])
@given(st.lists(steps, min_size=1, max_size=25))
def test_nothing_gives_more_than_it_has(done: list[tuple[str, int, int]]) -> None:
    with TemporaryDirectory() as directory:
        shop = Shop(Path(directory))
        for name, which, amount in done:
            STEPS[name](shop, which, amount)
            assert all(left >= 0 for account in ACCOUNTS for left in shop.available(account).values())
        for transfer in shop.objects("transfer"):
            reversals = shop.dashboard.do("GET", f"/v1/transfers/{transfer['id']}/reversals", {"limit": 100})["data"]
            assert transfer["amount_reversed"] == sum(one["amount"] for one in reversals) <= transfer["amount"]
        for fee in shop.objects("application_fee"):
            assert fee["amount_refunded"] == sum(one["amount"] for one in fee["refunds"]["data"]) <= fee["amount"]
        for number in range(1, 5):
            charge = shop.dashboard.do("GET", f"/v1/charges/ch_demo_{number:03}", {})
            given_back = [
                one["amount"]
                for one in shop.objects("refund")
                if one["charge"] == charge["id"] and one["status"] == "succeeded"
            ]
            assert charge["amount_refunded"] == sum(given_back) <= charge["amount"]
        for account in ACCOUNTS:
            for payout in shop.objects("payout", account):
                _check_transactions(shop, account, payout)
        shop.store.close()


def _check_transactions(shop: Shop, account: str, payout: dict[str, Any]) -> None:
    """What a payout has moved is what its status says, once."""
    books = shop.dashboard.books(account)
    moved = books.total("balance_transaction", "net", source=payout["id"])
    is_reversal = payout["original_payout"] is not None
    arrived = payout["status"] == "paid" if is_reversal else payout["status"] in ("pending", "in_transit", "paid")
    assert moved == (-payout["amount"] if arrived else 0)


def test_every_currency_of_stripe_can_be_paid_out(shop: Shop) -> None:
    for currency in sorted(CURRENCIES):
        amount = 100 * payable_step(currency)
        shop.dashboard.fund(amount, currency, account="acct_currencies")
        payout = shop.dashboard.do(
            "POST", "/v1/payouts", {"amount": amount, "currency": currency}, account="acct_currencies"
        )
        assert (payout["currency"], payout["destination"]) == (currency, f"ba_currencies_{currency}")

    assert set(shop.available("acct_currencies").values()) == {0}
