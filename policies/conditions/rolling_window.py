"""`rolling_window: {measure: sum, per: initiator, within: 24h, currency: usd, gt: 100000}`: what has moved of late.

The movement being decided counts: it is added to what the window holds, so "the third refund" is `measure: count,
gte: 3`. Where a window looks at other movements than the one being decided (another rail or action), nothing is
added. A sum answers False for a movement in another currency, plainly and under `not`, as `amount` does.
"""

from datetime import datetime
from typing import Any, ClassVar, Self, cast, get_args

import yaml

from policies.conditions.base import Condition, Scope, Test
from policies.conditions.predicates import BOUNDS, CURRENCY, SNAKE, Bounds, read_words, written_words
from policies.facts import Facts
from policies.reading import Reader, duration_text
from policies.windows import Measure, Per, WindowSpec

_MEASURES: tuple[Measure, ...] = get_args(Measure)
_PERS: tuple[Per, ...] = get_args(Per)
_KEYS = ("measure", "per", "within", "currency", "rail", "rail_action", *BOUNDS)


class RollingWindow(Condition, frozen=True):
    """Without `rail` it is the policy's rail; without `rail_actions` those the policy applies to."""

    kind: ClassVar[str] = "rolling_window"

    measure: Measure
    per: Per
    within_seconds: int
    bounds: Bounds
    currency: str | None = None
    rail: str | None = None
    rail_actions: tuple[str, ...] = ()

    @classmethod
    def read(cls, node: yaml.Node, reader: Reader) -> Self:
        entries = reader.mapping(node, _KEYS, required=("measure", "per", "within"))
        measure = reader.choice(entries["measure"], _MEASURES)
        per = reader.choice(entries["per"], _PERS)
        currency = CURRENCY.read(entries["currency"], reader) if "currency" in entries else None
        if measure == "sum" and currency is None:
            reader.report(node, "missing_key", "a sum needs a `currency`", "amounts of two currencies do not add up")
        if measure == "count" and currency is not None:
            reader.report(entries["currency"], "invalid_value", "a count has no currency", "remove `currency`")
        actions = entries.get("rail_action")
        return cls(
            measure=cast(Measure, measure),
            per=cast(Per, per),
            within_seconds=reader.duration_seconds(entries["within"]),
            bounds=Bounds.of(entries, node, reader),
            currency=currency,
            rail=SNAKE.read(entries["rail"], reader) if "rail" in entries else None,
            rail_actions=read_words(actions, reader, SNAKE) if actions is not None else (),
        )

    def written(self) -> Any:
        document: dict[str, Any] = {
            "measure": self.measure,
            "per": self.per,
            "within": duration_text(self.within_seconds),
        }
        if self.currency is not None:
            document["currency"] = self.currency
        if self.rail is not None:
            document["rail"] = self.rail
        if self.rail_actions:
            document["rail_action"] = written_words(self.rail_actions)
        return {**document, **self.bounds.written()}

    @property
    def only_currency(self) -> str | None:
        return self.currency

    def window(self, scope: Scope) -> WindowSpec:
        inherited = scope.rail_actions if self.rail in {None, scope.rail} else ()
        return WindowSpec(
            measure=self.measure,
            per=self.per,
            within_seconds=self.within_seconds,
            rail=self.rail or scope.rail,
            rail_actions=self.rail_actions or inherited,
            asset=self.currency,
        )

    def windows(self, scope: Scope) -> tuple[WindowSpec, ...]:
        return (self.window(scope),)

    def fact_names(self, scope: Scope) -> tuple[str, ...]:
        own = ("amount_cents", "currency") if self.measure == "sum" else ()
        return (self.window(scope).fact, "rail", "rail_action", *own)

    def test(self, scope: Scope, *, negated: bool = False) -> Test:
        window = self.window(scope)
        fact, currency, assets = window.fact, window.asset, window.assets
        rail, actions = window.rail, frozenset(window.rail_actions)
        low, high = self.bounds.limits
        expected = not negated

        def is_within(facts: Facts, _now: datetime) -> bool | None:
            if currency is not None:
                moved = facts.get("currency")
                if moved not in assets:
                    return None if moved is None else False
            total = facts.get(fact)
            moving_rail, moving_action = facts.get("rail"), facts.get("rail_action")
            if total is None or moving_rail is None or moving_action is None:
                return None
            if moving_rail == rail and (not actions or moving_action in actions):
                moving = 1 if currency is None else facts.get("amount_cents")
                if moving is None:
                    return None
                total += moving
            return (low <= total <= high) is expected

        return is_within
