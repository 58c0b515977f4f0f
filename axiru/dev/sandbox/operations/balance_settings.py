"""When an account's balance is paid out by itself. https://docs.stripe.com/api/balance-settings

This API holds the payout schedule; accounts show the same one under `settings.payouts`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from axiru.dev.sandbox.answers import Document
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations import payout_life
from axiru.dev.sandbox.operations.amounts import payable_step
from axiru.dev.sandbox.operations.external_accounts import bank_account_id
from axiru.dev.sandbox.parameters import Parameters
from axiru.dev.sandbox.refusals import ParameterRefused

INTERVALS = ("daily", "manual", "monthly", "weekly")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
PAY_OUT = "account.pay_out"
DELAY_DAYS = 2


class Schedule(msgspec.Struct, frozen=True):
    """A change of the payout schedule; days belong to the intervals that have them."""

    interval: str | None = None
    weekly_payout_days: tuple[str, ...] = ()
    monthly_payout_days: tuple[int, ...] = ()

    @classmethod
    def read(cls, parameters: Parameters) -> "Schedule":
        """Raises ParameterRefused for days that do not go with the interval."""
        interval = parameters.choice("interval", INTERVALS)
        weekly = parameters.texts("weekly_payout_days")
        monthly = tuple(int(day) if day.isdecimal() else 0 for day in parameters.texts("monthly_payout_days"))
        parameters.finish()
        if any(day not in WEEKDAYS for day in weekly):
            raise ParameterRefused("Invalid weekly_payout_days", param="weekly_payout_days")
        if any(not 1 <= day <= 31 for day in monthly):
            raise ParameterRefused("Invalid monthly_payout_days", param="monthly_payout_days")
        for days, needs in ((weekly, "weekly"), (monthly, "monthly")):
            if bool(days) != (interval == needs):
                name = f"{needs}_payout_days"
                raise ParameterRefused(f"{name} goes with the interval {needs}, and with no other.", param=name)
        return cls(interval, weekly, monthly)

    def document(self) -> Document:
        document: Document = {"interval": self.interval}
        if self.weekly_payout_days:
            document["weekly_payout_days"] = list(self.weekly_payout_days)
        if self.monthly_payout_days:
            document["monthly_payout_days"] = list(self.monthly_payout_days)
        return document


class RetrieveBalanceSettings(msgspec.Struct, frozen=True):
    @classmethod
    def read(cls, parameters: Parameters) -> "RetrieveBalanceSettings":
        parameters.finish()
        return cls()

    def execute(self, books: Books) -> Document:
        return shown(settings_of(books))


class UpdateBalanceSettings(msgspec.Struct, frozen=True):
    schedule: Schedule | None
    minimums: dict[str, int]
    debit_negative_balances: bool | None

    @classmethod
    def read(cls, parameters: Parameters) -> "UpdateBalanceSettings":
        payments = parameters.inner("payments") or Parameters({}, within="payments")
        parameters.finish()
        payments.refuse_unsupported("settlement_timing")
        payouts = payments.inner("payouts") or Parameters({}, within="payments[payouts]")
        debit = payments.boolean("debit_negative_balances")
        payments.finish()
        payouts.refuse_unsupported("automatic_transfer_rules_by_currency", "statement_descriptor")
        schedule, minimums = payouts.inner("schedule"), payouts.integers("minimum_balance_by_currency")
        payouts.finish()
        return cls(None if schedule is None else Schedule.read(schedule), minimums, debit)

    def execute(self, books: Books) -> Document:
        settings = settings_of(books)
        if self.schedule is not None:
            set_schedule(books, settings, self.schedule)
        payments: dict[str, Any] = settings["payments"]
        if self.minimums:
            before = payments["payouts"]["minimum_balance_by_currency"] or {}
            payments["payouts"]["minimum_balance_by_currency"] = before | self.minimums
        if self.debit_negative_balances is not None:
            payments["debit_negative_balances"] = self.debit_negative_balances
        keep_settings(books, settings)
        books.record_event("balance_settings.updated", shown(settings))
        return shown(settings)


def settings_of(books: Books) -> Document:
    """The account's settings with the id they are kept under; one that never set any is paid out by hand."""
    kept = books.find("balance_settings", books.account)
    return kept or new_settings(books.account, Schedule("manual"))


def new_settings(account: str, schedule: Schedule, minimums: dict[str, int] | None = None) -> Document:
    return {
        "id": account,
        "object": "balance_settings",
        "payments": {
            "debit_negative_balances": True,
            "payouts": {
                "minimum_balance_by_currency": minimums,
                "schedule": schedule.document(),
                "statement_descriptor": None,
                "status": "enabled",
            },
            "settlement_timing": {"delay_days": DELAY_DAYS, "start_of_day": None},
        },
    }


def shown(settings: Document) -> Document:
    """As Stripe shows them: without an id."""
    return {name: value for name, value in settings.items() if name != "id"}


def set_schedule(books: Books, settings: Document, schedule: Schedule) -> None:
    if schedule.interval is not None:
        settings["payments"]["payouts"]["schedule"] = schedule.document()
    keep_settings(books, settings)


def pay_out(books: Books, account: str) -> None:
    """What happens each midnight (UTC): automatic payouts where the schedule has one today."""
    books.plan(PAY_OUT, account, at=books.now + 24 * 60 * 60)
    payouts = settings_of(books)["payments"]["payouts"]
    if not _is_due(payouts["schedule"], datetime.fromtimestamp(books.now, UTC)):
        return
    minimums = payouts["minimum_balance_by_currency"] or {}
    for currency, available in books.available().items():
        step = payable_step(currency)
        amount = (available - minimums.get(currency, 0)) // step * step
        if amount > 0:
            payout = payout_life.new_payout(
                books,
                amount=amount,
                currency=currency,
                destination=bank_account_id(account, currency),
                method="standard",
                automatic=True,
            )
            payout_life.send(books, payout)


def _is_due(schedule: Document, today: datetime) -> bool:
    match schedule["interval"]:
        case "daily":
            return True
        case "weekly":
            return today.strftime("%A").lower() in schedule["weekly_payout_days"]
        case "monthly":
            days = schedule["monthly_payout_days"]
            last = (today + timedelta(days=1)).day == 1
            return today.day in days or (last and max(days) > today.day)
        case _:
            return False


def keep_settings(books: Books, settings: Document) -> None:
    """Write the settings; from the first time on, the account has its daily turn."""
    if books.find("balance_settings", books.account) is None:
        books.add(settings)
        midnight = books.now // 86_400 * 86_400 + 86_400
        books.plan(PAY_OUT, books.account, at=midnight)
    else:
        books.replace(settings)
