"""Caps on what agents move that hold in some currencies only, where nothing looks at the others."""

from collections.abc import Iterator
from typing import Final

from axiru.domain.evaluation import Outcome
from policies.checks.finding import Finding
from policies.checks.normal_form import Box, Normal
from policies.checks.values import ANYTHING, Words, span
from policies.checks.wording import finding
from policies.conditions import Condition
from policies.conditions.amount import Amount
from policies.conditions.rolling_window import RollingWindow
from policies.syntax import Effect, ParsedPolicy

AGENT_RAILS: Final = frozenset({"stripe_daa", "x402", "ap2"})
"""Where whoever asks names the currency. A refund is in that of its charge."""

_STOPPING: Final = frozenset({Effect.DENY, Effect.REVIEW})
_OF_ANY: Final = frozenset({"rail", "rail_action", "currency", "amount_cents"})
_ANY_AMOUNT: Final = span(1, float("inf"))


def uncovered_currencies(parsed: ParsedPolicy, normals: tuple[Normal, ...]) -> Iterator[Finding]:
    """A warning if rules cap amounts in some currencies, and in all others no rule looks at how much moves, how often
    or in what: there such a policy has no cap.

    Nothing is said where the default stops what no rule speaks of, nor where a rule could not be looked at.
    """
    policy = parsed.policy
    stopping = [normal for normal in normals if normal.rule.effect in _STOPPING]
    if policy.applies_to.rail not in AGENT_RAILS or policy.default.outcome is not Outcome.ALLOW:
        return
    if len(stopping) != sum(rule.effect in _STOPPING for rule in policy.rules):
        return
    if any(_covers_others(box) for normal in stopping for box in normal.boxes):
        return
    capping = [normal.rule for normal in stopping if normal.boxes and _named(normal.rule.when)]
    named = sorted({name for rule in capping for name in _named(rule.when)})
    if capping:
        listed = " and ".join(name if "/" in name else name.upper() for name in named)
        rules = tuple(rule.id for rule in capping)
        whose = " and ".join(f"`{rule}`" for rule in rules)
        message = f"{whose} cap {listed} only: what moves in another currency is under no cap of this policy"
        hint = f"let people decide it: “Movements in a currency other than {listed.replace(' and ', ' or ')} require …”"
        yield finding(parsed, "currency_without_cap", "warning", message, rules, hint)


def _covers_others(box: Box) -> bool:
    """Whether the box may stop movements in currencies that no rule names, for what or how much they are."""
    currency = box["currency"]
    if isinstance(currency, Words) and not currency.excluded:
        return False
    looks = currency != ANYTHING or box["amount_cents"] != _ANY_AMOUNT
    # A fact that is not known here may be anything, an expression about the amount too.
    rest = [fact for fact in box if fact not in _OF_ANY]
    return looks or not rest or any(not _says_who(fact) for fact in rest)


def _says_who(fact: str) -> bool:
    return fact.partition(".")[0] in {"initiator", "counterparty", "merchant"}


def _named(condition: Condition) -> frozenset[str]:
    """The currencies whose amounts the condition looks at."""
    leaves = [leaf for leaf in condition.leaves() if isinstance(leaf, Amount | RollingWindow)]
    return frozenset(leaf.currency for leaf in leaves if leaf.currency is not None)
