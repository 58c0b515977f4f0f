"""The rule kinds. One file each; a kind that is not listed here does not load."""

from policies.conditions.agent_scope import AgentScope
from policies.conditions.amount import Amount
from policies.conditions.base import Condition, Scope, Test, read_condition
from policies.conditions.context import Context
from policies.conditions.counterparty import Counterparty
from policies.conditions.currency import Currency
from policies.conditions.custom_expression import CustomExpression
from policies.conditions.initiator_id import InitiatorId
from policies.conditions.initiator_kind import InitiatorKind
from policies.conditions.logic import All, Any_, Not
from policies.conditions.merchant import Merchant
from policies.conditions.rail import Rail
from policies.conditions.rail_action import RailAction
from policies.conditions.rolling_window import RollingWindow
from policies.conditions.time_of_day import TimeOfDay

LEAF_KINDS: tuple[type[Condition], ...] = (
    CustomExpression,
    RollingWindow,
    Counterparty,
    Merchant,
    AgentScope,
    Amount,
    Context,
    InitiatorId,
    InitiatorKind,
    Currency,
    TimeOfDay,
    RailAction,
    Rail,
)
"""From the most to the least specific. A rule of several kinds is known by the first of them: its `rule_kind`."""

CONNECTIVES: tuple[type[Condition], ...] = (All, Any_, Not)

KINDS: dict[str, type[Condition]] = {kind.kind: kind for kind in (*CONNECTIVES, *LEAF_KINDS)}


def rule_kind(condition: Condition) -> str:
    """The most specific kind among the leaves: a window on one action is a `rolling_window`, not a `rail_action`."""
    used = {leaf.kind for leaf in condition.leaves()}
    return next(kind.kind for kind in LEAF_KINDS if kind.kind in used)


__all__ = ["KINDS", "LEAF_KINDS", "Condition", "Scope", "Test", "read_condition", "rule_kind"]
