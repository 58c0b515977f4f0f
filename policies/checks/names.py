"""Lists and currencies that a policy names and that there are not, or not of the kind asked for."""

from collections.abc import Iterator, Mapping
from typing import Final

from axiru.domain.assets import CONTRACTS
from axiru.domain.currency import CURRENCIES
from policies.checks.finding import Finding, Known
from policies.checks.wording import finding, meant
from policies.conditions import Condition
from policies.conditions.amount import Amount
from policies.conditions.currency import Currency
from policies.conditions.rolling_window import RollingWindow
from policies.syntax import ParsedPolicy

_SUBJECTS_OF_KIND: Final[Mapping[str, frozenset[str]]] = {
    "customer": frozenset({"context.customer_id", "counterparty.id"}),
    "country": frozenset({"counterparty.country"}),
    "account": frozenset({"counterparty.id", "counterparty.stripe_account_id", "merchant.stripe_account_id"}),
}
"""The facts that may stand in a list of the kind. Lists of texts go with all, and so does what callers add."""

_FREE = ("metadata.", "extra.")


def unknown_names(parsed: ParsedPolicy, known: Known) -> Iterator[Finding]:
    """Errors, each once a rule."""
    for rule in parsed.policy.rules:
        named = {each for leaf in rule.when.leaves() for each in _currencies(leaf)}
        for currency in sorted(named - CURRENCIES - CONTRACTS.keys()):
            message = f"rule `{rule.id}` names the currency `{currency}`, which there is not"
            yield finding(parsed, "unknown_currency", "error", message, (rule.id,), _currency_meant(currency))
        if known.lists is not None:
            yield from _lists(parsed, rule.id, rule.when, known.lists)


def _currencies(leaf: Condition) -> tuple[str, ...]:
    """The currencies by ISO code; assets are not looked up."""
    match leaf:
        case Amount():
            named: tuple[str, ...] = (leaf.currency,)
        case RollingWindow(currency=str(currency)):
            named = (currency,)
        case Currency():
            named = leaf.expected.values
        case _:
            named = ()
    return tuple(each for each in named if ":" not in each)


def _currency_meant(currency: str) -> str:
    near = meant(currency, CURRENCIES)
    return near if near.startswith("did") else "a lower-case code of ISO 4217, such as usd"


def _lists(parsed: ParsedPolicy, rule: str, when: Condition, lists: Mapping[str, str]) -> Iterator[Finding]:
    for spec in sorted(set(when.lists(parsed.policy.applies_to)), key=lambda spec: spec.fact):
        kind, subject = lists.get(spec.slug), spec.subject_fact
        if kind is None:
            message = f"rule `{rule}` looks into the list `{spec.slug}`, which there is not"
            yield finding(parsed, "unknown_list", "error", message, (rule,), meant(spec.slug, lists))
        elif not _fits(kind, subject):
            message = f"rule `{rule}` looks for `{subject}` in the list `{spec.slug}`, which holds {_plural(kind)}"
            fitting = sorted(slug for slug, each in lists.items() if _fits(each, subject))
            hint = f"lists that fit: {', '.join(fitting)}" if fitting else "there is no list that fits yet"
            yield finding(parsed, "list_kind", "error", message, (rule,), hint)


def _fits(kind: str, subject: str) -> bool:
    return kind not in _SUBJECTS_OF_KIND or subject in _SUBJECTS_OF_KIND[kind] or subject.startswith(_FREE)


def _plural(kind: str) -> str:
    return "countries" if kind == "country" else f"{kind}s"
