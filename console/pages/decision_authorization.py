"""An authorization on the decision page: what the agent asked for, and what became of the token it was given."""

from datetime import datetime
from typing import Final

from axiru.domain.currency import CURRENCIES
from axiru.domain.movement import Amount, Ovt, account_said
from console.authorization_views import TokenView
from console.authorization_words import (
    OUTCOME_LOOKS,
    TOKEN_LOOKS,
    TOKEN_SENTENCES,
    agreement_sentence,
    no_token_sentence,
    outcome_of,
)
from console.components.badge import QUARANTINE, look_badge
from console.components.code_value import code_value
from console.components.key_value import fact, key_value, key_values
from console.components.money import amount_text, asset_amount
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.components.wording import RAIL_NAMES, payment_name
from console.detail_views import DecisionDetail
from console.pages.decision_mandate import FACTS

_READ: Final = {
    "scheme": "Scheme",
    "network": "Network",
    "resource_url": "Resource",
}
READ_BY_AXIRU: Final = frozenset({*_READ, *FACTS, "asset", "resource_host"})
"""Facts of the context that come from what is paid or signed, not from the caller's own words."""


def asked(ovt: Ovt) -> None:
    """What the agent wants to pay, to whom, and on whose authority."""
    Text("h2", "What the agent asked for")
    with block("div", "panel-body"), key_values("key-values-two"):
        key_value("Amount", amount_text(ovt.amount))
        if ovt.amount.asset not in CURRENCIES:
            key_value("Asset", ovt.amount.asset)
        key_value("Payment", payment_name(ovt.rail, ovt.rail_action))
        key_value("Rail", RAIL_NAMES.get(ovt.rail, ovt.rail))
        key_value("Paid to", paid_to(ovt))
        if account := account_said(ovt.rail, ovt.counterparty):
            with fact("Into account"):
                Text("span", account)
                Text("span", " the agent's word: the mandate names no account", "muted")
        if ovt.counterparty.country:
            key_value("Country", ovt.counterparty.country)
        with fact("Agent"):
            link(ovt.initiator.id, "/agents", "mono")
        with fact("Claims"), block("span", "chips"):
            for scope in ovt.initiator.scopes:
                Text("code", scope, "chip")
            if not ovt.initiator.scopes:
                Text("span", "no scope claimed", "absent")
        if ovt.initiator.lineage:
            key_value("Authority from", ", from ".join(ovt.initiator.lineage))
        for name, label in _READ.items():
            if (value := ovt.context.extra.get(name)) is not None:
                key_value(label, str(value))
        for label, said in _said(ovt):
            key_value(label, said)


def _said(ovt: Ovt) -> list[tuple[str, str]]:
    context, merchant = ovt.context, ovt.merchant
    told = {
        "Customer": context.customer_id,
        "Reason given": context.reason_code,
        "Source": context.source,
        "Stripe connection": merchant.stripe_connection_id,
        "Stripe account": merchant.stripe_account_id,
    }
    return [(label, value) for label, value in told.items() if value]


def paid_to(ovt: Ovt) -> str | None:
    """The payee of a mandate, who was verified, before the account, which is the caller's word."""
    paid = ovt.counterparty
    named = (paid.id, paid.stripe_account_id) if ovt.mandate is not None else (paid.stripe_account_id, paid.id)
    return next((one for one in named if one), None)


def authorization(decision: DecisionDetail) -> None:
    """The answer, its token and what was done with it."""
    outcome, token = outcome_of(decision), decision.token
    Text("h2", "Authorization")
    with block("div", "panel-body"):
        with block("div", "row-head authorization-head"):
            look_badge(
                QUARANTINE if decision.surface_mode == "shadow" and outcome == "quarantine" else OUTCOME_LOOKS[outcome]
            )
            Text("code", f"axiru.{outcome}.{decision.reason}", "muted")
        if token is None:
            Text("p", no_token_sentence(decision), "muted")
        else:
            _token(token, decision.ovt.amount)
        with key_values("key-values-wide"):
            with fact("Fingerprint"):
                code_value(decision.fingerprint, "fingerprint of the request")
            with fact("Live and shadow"):
                Text(
                    "span", agreement_sentence(decision), "agreement-low" if decision.agreement.agrees is False else ""
                )


def _token(token: TokenView, amount: Amount) -> None:
    with block("div", "row-head authorization-head"):
        look_badge(TOKEN_LOOKS[token.status])
        Text("span", TOKEN_SENTENCES[token.status])
    with block("dl", "token-times"):
        _moment("Issued", token.issued_at)
        _moment("Expires", token.expires_at)
        _moment("Used", token.consumed_at, "not yet" if token.status in {"issued", "withheld"} else "never")
        _moment(
            "Reported failed" if token.settlement == "failed" else "Settled",
            token.settled_at,
            "not reported" if token.consumed_at else "—",
        )
    with key_values("key-values-wide"):
        with fact("Token"):
            code_value(token.jti, "token id")
            if token.issued > 1:
                Text("span", f" the newest of {token.issued}" if token.consumed_at is None else "", "muted")
        with fact("Signed with"):
            code_value(token.key_id, "key id")
        if token.settled_units is not None and token.settlement == "settled":
            with fact("Moved"):
                Text("span", asset_amount(int(token.settled_units), amount.asset))
                if int(token.settled_units) != amount.minor_units:
                    Text("span", f" of {amount_text(amount)} authorized", "muted")


def _moment(label: str, at: datetime | None, otherwise: str = "") -> None:
    with fact(label):
        if at is None:
            Text("span", otherwise, "absent")
        else:
            Timestamp(at)
