"""The account a key opens, and those connected to it. https://docs.stripe.com/api/accounts"""

from typing import Any

import msgspec

from axiru.dev.sandbox.answers import Document
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations.balance_settings import Schedule, set_schedule, settings_of, shown
from axiru.dev.sandbox.operations.external_accounts import bank_account
from axiru.dev.sandbox.operations.metadata import merged
from axiru.dev.sandbox.parameters import Page, Parameters, Period
from axiru.dev.sandbox.refusals import StripeRefusal

NO_PLATFORM = ""


class RetrieveAccount(msgspec.Struct, frozen=True):
    """Empty `account` is the key's own."""

    account: str

    @classmethod
    def read(cls, parameters: Parameters) -> "RetrieveAccount":
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        return with_settings(books, _account(books, self.account or books.account))


class ListAccounts(msgspec.Struct, frozen=True):
    """The connected accounts, never the platform's own."""

    page: Page
    created: Period

    @classmethod
    def read(cls, parameters: Parameters) -> "ListAccounts":
        operation = cls(parameters.page(), parameters.created())
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        listed = books.page("account", "/v1/accounts", self.page, created=self.created)
        return listed | {"data": [with_settings(books, account) for account in listed["data"]]}


class UpdateAccount(msgspec.Struct, frozen=True):
    """Metadata and the payout schedule of a connected account. https://docs.stripe.com/api/accounts/update"""

    account: str
    metadata: dict[str, str] | None
    schedule: Schedule | None

    @classmethod
    def read(cls, parameters: Parameters) -> "UpdateAccount":
        settings = parameters.inner("settings") or Parameters({}, within="settings")
        metadata = parameters.metadata()
        parameters.refuse_unsupported(*_NOT_OFFERED)
        parameters.finish()
        payouts = settings.inner("payouts") or Parameters({}, within="settings[payouts]")
        settings.finish()
        payouts.refuse_unsupported("debit_negative_balances", "statement_descriptor")
        schedule = payouts.inner("schedule")
        payouts.finish()
        if schedule is not None:
            schedule.refuse_unsupported("delay_days", "monthly_anchor", "weekly_anchor")
        return cls(parameters.object_id, metadata, None if schedule is None else Schedule.read(schedule))

    def execute(self, books: Books) -> Document:
        account = _account(books, self.account)
        known = books.account_document(self.account)
        if known is None or known[0] == NO_PLATFORM:
            raise _no_access(self.account)
        own = books.of(self.account)
        previous: Document = {}
        if self.metadata is not None:
            metadata = merged(account["metadata"], self.metadata)
            previous = books.of(known[0]).change(account, metadata=metadata)
        if self.schedule is not None:
            before = with_settings(own, account)["settings"]["payouts"]
            set_schedule(own, settings_of(own), self.schedule)
            if with_settings(own, account)["settings"]["payouts"] != before:
                previous["settings"] = {"payouts": before}
        after = with_settings(own, account)
        if previous:
            own.record_event("account.updated", after, previous=previous)
        return after


_NOT_OFFERED = (
    *("account_token", "business_profile", "business_type", "capabilities", "company", "default_currency"),
    *("documents", "email", "external_account", "groups", "individual", "tos_acceptance"),
)


def new_account(
    account: str, *, created: int, country: str = "US", currency: str = "usd", name: str | None = None
) -> Document:
    """An account that may charge and pay out."""
    return {
        "id": account,
        "object": "account",
        "business_profile": None,
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": country,
        "created": created,
        "default_currency": currency,
        "details_submitted": True,
        "email": None,
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": name, "timezone": "Etc/UTC"}},
        "type": "standard",
    }


def connected_account(account: str, *, created: int, country: str, currency: str, name: str) -> Document:
    """An account whose losses are its platform's, as payout reversals need it."""
    controller = {
        "fees": {"payer": "application"},
        "is_controller": True,
        "losses": {"payments": "application"},
        "requirement_collection": "application",
        "stripe_dashboard": {"type": "none"},
        "type": "application",
    }
    return new_account(account, created=created, country=country, currency=currency, name=name) | {
        "controller": controller,
        "external_accounts": {
            "object": "list",
            "data": [bank_account(account, currency)],
            "has_more": False,
            "url": f"/v1/accounts/{account}/external_accounts",
        },
        "type": "none",
    }


def with_settings(books: Books, account: Document) -> Document:
    """The account with its payout schedule as the balance settings hold it."""
    payments = shown(settings_of(books.of(account["id"])))["payments"]
    settings: dict[str, Any] = {
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_payments": {
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
        "payments": {
            "statement_descriptor": None,
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": payments["debit_negative_balances"],
            "schedule": {"delay_days": payments["settlement_timing"]["delay_days"]} | payments["payouts"]["schedule"],
            "statement_descriptor": None,
        },
    }
    return account | {"settings": settings | account.get("settings", {})}


def _account(books: Books, account: str) -> Document:
    """Raises StripeRefusal 403 for an account that is neither the key's own nor connected to it."""
    known = books.account_document(account)
    if known is None and account == books.account:
        return new_account(account, created=books.now)
    if known is None or (account != books.account and known[0] != books.account):
        raise _no_access(account)
    return known[1]


def _no_access(account: str) -> StripeRefusal:
    return StripeRefusal(
        f"The provided key does not have access to account '{account}' (or that account does not exist). Application "
        "access may have been revoked.",
        status=403,
        code="account_invalid",
    )
