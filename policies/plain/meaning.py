"""What the conditions of a sentence mean, as the document that YAML would have stated."""

from typing import Any

import yaml
from lark import Token

from policies.conditions.time_of_day import DAYS
from policies.plain import nodes
from policies.plain.values import Limit, Money, Values, folded

_GROUPS = {"context", "counterparty", "merchant"}


def flat(children: list[Any]) -> list[yaml.Node]:
    """Modifiers in a row; those joined by `and` come as a list of their own."""
    return [each for child in children for each in (child if isinstance(child, list) else [child])]


def conjunction(conditions: list[yaml.Node]) -> yaml.Node:
    return conditions[0] if len(conditions) == 1 else _several("all", conditions)


def _several(kind: str, conditions: list[yaml.Node]) -> yaml.Node:
    at = conditions[0].start_mark
    return nodes.mapping(at, [(kind, nodes.sequence(at, conditions))])


def _fact(group: str, name: str) -> Any:
    def meant(self: "Conditions", children: list[Any]) -> yaml.Node:  # noqa: ARG001 - lark calls it
        return nodes.mapping(children, [(group, nodes.mapping(children, [(name, children[-1])]))])

    return meant


def _leaf(kind: str) -> Any:
    def meant(self: "Conditions", children: list[Any]) -> yaml.Node:  # noqa: ARG001 - lark calls it
        return nodes.mapping(children, [(kind, children[-1])])

    return meant


def _scopes(quantifier: str) -> Any:
    def meant(self: "Conditions", children: list[yaml.Node]) -> yaml.Node:  # noqa: ARG001 - lark calls it
        scopes = nodes.one_or_several(children)
        return nodes.mapping(children, [("agent_scope", nodes.mapping(children, [(quantifier, scopes)]))])

    return meant


class Conditions(Values):
    """Every condition becomes a node `{kind: …}`."""

    currency = _leaf("currency")
    rail = _leaf("rail")
    initiator_kind = _leaf("initiator_kind")
    initiator = _leaf("initiator_id")
    expression = _leaf("custom_expression")
    customer = _fact("context", "customer_id")
    reason_code = _fact("context", "reason_code")
    source = _fact("context", "source")
    country = country_is = _fact("counterparty", "country")
    counterparty = _fact("counterparty", "id")
    account = _fact("counterparty", "stripe_account_id")
    merchant = _fact("merchant", "stripe_account_id")
    connection = _fact("merchant", "stripe_connection_id")
    any_scope = _scopes("any_of")
    all_scopes = _scopes("all_of")
    no_scope = _scopes("none_of")

    # Combinations.

    def joined(self, children: list[yaml.MappingNode]) -> list[yaml.Node]:
        """Facts of one group that are joined by `and` are one condition, as they are in YAML."""
        joined: list[yaml.MappingNode] = []
        for child in children:
            ((kind, said),) = nodes.entries(child)
            if joined and kind in _GROUPS:
                ((last_kind, last_said),) = nodes.entries(joined[-1])
                if kind == last_kind and not {key for key, _ in nodes.entries(said)} & {  # type: ignore[arg-type]
                    key
                    for key, _ in nodes.entries(last_said)  # type: ignore[arg-type]
                }:
                    both = [*last_said.value, *said.value]
                    at = joined[-1].start_mark
                    joined[-1] = nodes.mapping(at, [(kind, yaml.MappingNode(said.tag, both, at, at))])
                    continue
            joined.append(child)
        return list(joined)

    def alternative(self, children: list[Any]) -> yaml.Node:
        return conjunction(flat(children))

    def group(self, children: list[yaml.Node]) -> yaml.Node:
        return children[0] if len(children) == 1 else _several("any", children)

    def negation(self, children: list[yaml.Node]) -> yaml.Node:
        return nodes.mapping(children, [("not", self.group(children))])

    def all_of(self, children: list[yaml.Node]) -> yaml.Node:
        return _several("all", [self.group(children)])

    def any_of(self, children: list[yaml.Node]) -> yaml.Node:
        return _several("any", children)

    # What moves.

    def actions(self, children: list[yaml.Node]) -> yaml.Node:
        return nodes.mapping(children, [("rail_action", nodes.one_or_several(children))])

    def other_actions(self, children: list[yaml.Node]) -> yaml.Node:
        return nodes.mapping(children, [("rail_action", self.none_of([nodes.one_or_several(children)]))])

    def actions_are(self, children: list[Any]) -> yaml.Node:
        negated, *actions = children
        return (self.other_actions if negated else self.actions)(actions)

    # Facts.

    def amount(self, children: list[list[Limit]]) -> yaml.Node:
        """Several currencies under one limit are alternatives: each its own amount."""
        limits = [limit for child in children for limit in child]
        rows: list[list[Money]] = [moneys for _, moneys in limits]
        currencies = [[currency.value for currency, _ in row] for row in rows]
        if any(each != currencies[0] for each in currencies):
            self.fault(
                children, "invalid_amount", "the two limits are in different currencies", "over $100 but under $150"
            )
        amounts: list[yaml.Node] = []
        for index, (currency, _) in enumerate(rows[0]):
            bounds = [(key, row[index][1]) for (key, _), row in zip(limits, rows, strict=True) if index < len(row)]
            said = nodes.mapping(currency.start_mark, [("currency", currency), *bounds])
            amounts.append(nodes.mapping(children, [("amount", said)]))
        return amounts[0] if len(amounts) == 1 else _several("any", amounts)

    def tenure(self, children: list[list[Limit]]) -> yaml.Node:
        return self._in_context("customer_tenure_days", _bounds(children))

    def marked(self, children: list[Any]) -> yaml.Node:
        return self._in_context("marked_for_review", nodes.boolean(children[0] is None, children))

    def metadata(self, children: list[Any]) -> yaml.Node:
        return self._in_context(f"metadata.{children[0].value}", children[1])

    def extra(self, children: list[Any]) -> yaml.Node:
        key, said = children[0], children[1]
        return self._in_context(f"extra.{key.value}", _bounds(children[1:]) if isinstance(said, list) else said)

    def _in_context(self, name: str, said: yaml.Node) -> yaml.Node:
        return nodes.mapping(said, [("context", nodes.mapping(said, [(name, said)]))])

    # Windows.

    def window(self, children: list[Any]) -> yaml.Node:
        per, measure, actions, rail, span, *limits = children
        stated = [("measure", measure), ("per", per), ("within", span)]
        stated += [("rail_action", actions)] if actions is not None else []
        stated += [("rail", rail)] if rail is not None else []
        bounds = [limit for each in limits for limit in each]
        moneys = [value for _, value in bounds if isinstance(value, tuple)]
        if len({currency.value for currency, _ in moneys}) > 1:
            self.fault(
                children, "invalid_amount", "the two limits are in different currencies", "over $100 but under $150"
            )
        if (measure.value == "sum") is not bool(moneys):
            message = "a total is an amount of money, a count is a number"
            self.fault(children, "invalid_amount", message, "total … to over $1,000; count … to at least 3")
        stated += [("currency", moneys[0][0])] if moneys and measure.value == "sum" else []
        stated += [(key, value[1] if isinstance(value, tuple) else value) for key, value in bounds]
        return nodes.mapping(children, [("rolling_window", nodes.mapping(children, stated))])

    def window_actions(self, children: list[yaml.Node]) -> yaml.Node:
        return nodes.one_or_several(children)

    def nth(self, children: list[yaml.Node]) -> yaml.Node:
        ordinal, action, per, span = children
        stated = [("measure", nodes.word("count", children)), ("per", per), ("within", span)]
        stated += [("rail_action", action)] if action is not None else []
        stated += [("gte", ordinal)]
        return nodes.mapping(children, [("rolling_window", nodes.mapping(children, stated))])

    def spend(self, children: list[Any]) -> yaml.Node:
        per, span, (currency, units) = children
        number, _, unit = span.partition("-")
        stated = [("measure", nodes.word("sum", children)), ("per", per)]
        stated += [("within", nodes.word(number + unit[0], span)), ("currency", currency), ("gt", units)]
        return nodes.mapping(children, [("rolling_window", nodes.mapping(children, stated))])

    # Time.

    def time(self, children: list[Any]) -> yaml.Node:
        start, end, days, zone = children
        return self._at_times(
            zone, [("from", _clock(start)), ("until", _clock(end)), *([("days", days)] if days else [])]
        )

    def outside(self, children: list[Any]) -> yaml.Node:
        return nodes.mapping(children, [("not", self.time(children))])

    def whole_days(self, children: list[Any]) -> yaml.Node:
        days, zone = children
        return self._at_times(zone, [("days", days)])

    def _at_times(self, zone: yaml.Node, stated: list[tuple[str, yaml.Node]]) -> yaml.Node:
        return nodes.mapping(zone, [("time_of_day", nodes.mapping(zone, [("zone", zone), *stated]))])

    def days(self, children: list[Any]) -> yaml.Node:
        return nodes.sequence(children, flat(children))

    def day(self, children: list[yaml.Node]) -> yaml.Node:
        return children[0]

    def day_range(self, children: list[yaml.ScalarNode]) -> list[yaml.Node]:
        """From one day to the other, over the end of the week if need be."""
        first, last = (DAYS.index(child.value) for child in children)
        span = (last - first) % len(DAYS)
        return [nodes.word(DAYS[(first + step) % len(DAYS)], children[0].start_mark) for step in range(span + 1)]

    def part_of_week(self, children: list[Token]) -> list[yaml.Node]:
        days = DAYS[:5] if folded(children[0]) == "weekdays" else DAYS[5:]
        return [nodes.word(day, children[0]) for day in days]

    def weekday(self, children: list[Token]) -> yaml.ScalarNode:
        return nodes.word(folded(children[0])[:3], children[0])


def _bounds(children: list[list[Limit]]) -> yaml.Node:
    return nodes.mapping(children, [limit for child in children for limit in child])


def _clock(token: Token) -> yaml.ScalarNode:
    return nodes.word(token.rjust(5, "0"), token)
