"""A user's mandate on the decision page: who signed it, what it allows in all, and whether it covers this payment."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from axiru.domain.mandate import Frequency, Mandate
from axiru.domain.movement import Amount, Ovt
from console.components.badge import Look, look_badge
from console.components.code_value import code_value
from console.components.key_value import fact, key_value, key_values
from console.components.money import amount_text
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.detail_views import DecisionDetail

FACTS: Final = frozenset({"ap2_issuer", "ap2_user", "ap2_payee", "ap2_payee_name", "ap2_payee_website"})
"""Facts of the context that come from a mandate that was verified, not from the caller's own words."""

COVERS: Final = Look("Covers this payment", "check", "good")
DOES_NOT: Final = Look("Does not cover this payment", "cross", "bad")
_EVERY: Final[Mapping[Frequency, str]] = {
    "ON_DEMAND": "",
    "DAILY": "one a day",
    "WEEKLY": "one a week",
    "BIWEEKLY": "one in two weeks",
    "MONTHLY": "one a month",
    "QUARTERLY": "one in three months",
    "ANNUALLY": "one a year",
}


def mandate(decision: DecisionDetail) -> None:
    """Nothing for a payment that is not made under one."""
    ovt, shown = decision.ovt, decision.ovt.mandate
    if shown is None:
        return
    refused = (decision.matched_rule or "").startswith("mandate:")
    with block("div", "panel-body"), block("section", "mandate", aria_label="The user's mandate"):
        with block("div", "row-head"):
            Text("h3", "The user's mandate")
            look_badge(DOES_NOT if refused else COVERS)
        if refused:
            Text("p", shown.message or decision.message)
        with key_values("key-values-two"):
            if shown.refusal is None:
                _allowed(ovt, shown)
        with key_values("key-values-wide"), fact("Mandate"):
            code_value(shown.id, "mandate")


def _allowed(ovt: Ovt, shown: Mandate) -> None:
    told = ovt.context.extra
    with fact("Signed by"):
        link(str(told.get("ap2_issuer", shown.issuer_id)), "/ap2-issuers")
    key_value("User", told.get("ap2_user"))
    with fact("Payee"):
        Text("span", str(told.get("ap2_payee_name", "")))
        Text("code", str(told.get("ap2_payee", "")), "muted mandate-payee")
    key_value("Payee's website", told.get("ap2_payee_website"))
    key_value("Payments", payments_text(shown))
    if shown.most_units is not None:
        most = Amount(shown.most_units, ovt.amount.asset, ovt.amount.exponent)
        key_value("In all", f"{amount_text(most)} at most")
    with fact("Ends"):
        if shown.ends_at is None:
            Text("span", "at no date", "absent")
        else:
            Timestamp(datetime.fromtimestamp(shown.ends_at, UTC), "full")


def payments_text(shown: Mandate) -> str:
    """`one`, `12 at most, one a month`, `any number`."""
    match shown.most_uses:
        case None:
            most = "any number"
        case 1:
            return "one"
        case number:
            most = f"{number:,} at most"
    return ", ".join(part for part in (most, _EVERY[shown.every]) if part)
