"""Schema 1: flat thresholds, as policies were written before there were rules. Each threshold becomes one rule.

    policy: refunds-v1
    schema: 1
    currency: usd              # of the amounts below; needed where there is one
    deny_over: 100000          # more is denied                               → amount_above_limit
    review_over: 15000         # more asks the approver                       → amount_above_threshold
    min_tenure_days: 7         # customers of under so many days ask, too     → customer_tenure_too_short
    min_tenure_over: 10000     # … for more than this; left out: for any amount
    min_tenure_effect: deny    # review (the default) or deny
    deny_reasons: [fraudulent]    # reason codes that are denied              → reason_denied
    review_reasons: [duplicate]   # reason codes that ask                     → reason_needs_approval
    other_currencies: review   # review (the default), deny or allow: movements that no amount above speaks of
                               #                                              → currency_not_covered
    approver: controller       # the default; also asked where a fact is missing
    deadline: 24h              # the default

`rail` (default stripe), `rail_action` (default refund), `description` and `shadow` say the rest. At least one threshold
is needed. The policy that comes out is one of schema 2, with the same evaluator, evidence and missing facts.
"""

import yaml

from axiru.domain.assets import decimals_of
from axiru.domain.evaluation import ApproverGroup, ReviewTerms
from policies.conditions import Condition, Scope
from policies.conditions.amount import Amount
from policies.conditions.context import Context
from policies.conditions.currency import Currency
from policies.conditions.logic import All
from policies.conditions.predicates import CODE, CURRENCY, SNAKE, Bounds, OneOf, read_words
from policies.reading import SLUG, Reader
from policies.syntax import DEFAULT_MISSING_FACT_APPROVER, Effect, ParsedPolicy, Policy, Position, Rule

_AMOUNTS = ("deny_over", "review_over", "min_tenure_over")
_THRESHOLDS = ("deny_over", "review_over", "min_tenure_days", "deny_reasons", "review_reasons")
_KEYS = (
    *("policy", "schema", "description", "shadow", "rail", "rail_action", "currency"),
    *(*_THRESHOLDS, "min_tenure_over", "min_tenure_effect", "other_currencies", "approver", "deadline"),
)


def read(root: yaml.Node, reader: Reader) -> ParsedPolicy:
    """The policy that a text of schema 1 states. Faults go to `reader`; never raises."""
    entries = reader.mapping(root, _KEYS, required=("policy",))
    if isinstance(root, yaml.MappingNode) and not any(key in entries for key in _THRESHOLDS):
        reader.report(root, "missing_key", "there is no threshold here", f"one of: {', '.join(_THRESHOLDS)}")
    thresholds = _Thresholds(entries, root, reader)
    rules = thresholds.rules()
    return ParsedPolicy(
        Policy(
            slug=reader.word(entries["policy"], SLUG, "lower-case letters, digits and -"),
            description=reader.text(entries["description"], max_characters=2000) if "description" in entries else "",
            applies_to=Scope(
                SNAKE.read(entries["rail"], reader) if "rail" in entries else "stripe",
                read_words(entries["rail_action"], reader, SNAKE) if "rail_action" in entries else ("refund",),
            ),
            shadow=reader.boolean(entries["shadow"]) if "shadow" in entries else False,
            missing_fact_approver=thresholds.approver,
            rules=tuple(rules),
        ),
        thresholds.positions,
        language=1,
    )


class _Thresholds:
    """The thresholds of one text, on their way to become rules."""

    def __init__(self, entries: dict[str, yaml.Node], root: yaml.Node, reader: Reader) -> None:
        self._entries, self._reader = entries, reader
        self.positions: dict[str, Position] = {}
        self.approver = (
            SNAKE.read(entries["approver"], reader) if "approver" in entries else DEFAULT_MISSING_FACT_APPROVER
        )
        group = ApproverGroup(self.approver)
        self._asked = (
            ReviewTerms((group,), reader.duration_seconds(entries["deadline"]))
            if "deadline" in entries
            else ReviewTerms((group,))
        )
        self._amounts = {key: reader.integer(entries[key]) for key in _AMOUNTS if key in entries}
        self._currency = CURRENCY.read(entries["currency"], reader) if "currency" in entries else ""
        if "currency" not in entries and self._amounts:
            reader.report(root, "missing_key", "`currency` is missing: amounts are of one currency", "currency: usd")
        if "currency" in entries and not self._amounts:
            reader.report(entries["currency"], "invalid_value", "no amount is of this currency", "remove `currency`")
        for key, needed in (("min_tenure_over", "min_tenure_days"), ("min_tenure_effect", "min_tenure_days")):
            if key in entries and needed not in entries:
                reader.report(entries[key], "invalid_value", f"`{key}` says nothing without `{needed}`", f"{needed}: 7")
        deny_over, review_over = self._amounts.get("deny_over"), self._amounts.get("review_over")
        if deny_over is not None and review_over is not None and review_over >= deny_over:
            message = "what is over this is denied already"
            reader.report(entries["review_over"], "invalid_value", message, "make it less than `deny_over`")

    def rules(self) -> list[Rule]:
        found = [
            self._tenure(),
            self._amount("deny_over", "amount_above_limit", Effect.DENY, "is denied"),
            self._amount("review_over", "amount_above_threshold", Effect.REVIEW, "requires approval"),
            self._reasons("deny_reasons", "reason_denied", Effect.DENY, "This reason is denied"),
            self._reasons("review_reasons", "reason_needs_approval", Effect.REVIEW, "This reason requires approval"),
            self._other_currencies(),
        ]
        return [rule for rule in found if rule is not None]

    def _rule(self, key: str, rule_id: str, effect: Effect, when: Condition, message: str) -> Rule:
        node = self._entries[key]
        self.positions[rule_id] = Position(node.start_mark.line + 1, node.start_mark.column + 1)
        priority = 10 * len(self.positions)
        review = self._asked if effect is Effect.REVIEW else None
        return Rule(rule_id, when, effect, rule_id, priority=priority, message=message, review=review)

    def _amount(self, key: str, rule_id: str, effect: Effect, consequence: str) -> Rule | None:
        if key not in self._amounts:
            return None
        when = Amount(self._currency, Bounds(gt=self._amounts[key]))
        return self._rule(key, rule_id, effect, when, f"More than {self._shown(key)} {consequence}")

    def _tenure(self) -> Rule | None:
        if "min_tenure_days" not in self._entries:
            return None
        days = self._reader.integer(self._entries["min_tenure_days"], minimum=1)
        choice = self._entries.get("min_tenure_effect")
        wanted = self._reader.choice(choice, ("review", "deny")) if choice is not None else "review"
        effect = Effect(wanted or "deny")
        when: Condition = Context((("customer_tenure_days", Bounds(lt=days)),))
        over = self._amounts.get("min_tenure_over")
        whom = f"Customers of under {days} days"
        message = f"{whom} are denied" if effect is Effect.DENY else f"{whom} require approval"
        if over is not None:
            when = All((Amount(self._currency, Bounds(gt=over)), when))
            message += f" over {self._shown('min_tenure_over')}"
        return self._rule("min_tenure_days", "customer_tenure_too_short", effect, when, message)

    def _reasons(self, key: str, rule_id: str, effect: Effect, message: str) -> Rule | None:
        if key not in self._entries:
            return None
        reasons = read_words(self._entries[key], self._reader, CODE)
        return self._rule(key, rule_id, effect, Context((("reason_code", OneOf(reasons)),)), message)

    def _other_currencies(self) -> Rule | None:
        node = self._entries.get("other_currencies")
        if node is not None and not self._amounts:
            self._reader.report(node, "invalid_value", "no amount is of any currency", "remove `other_currencies`")
        wanted = self._reader.choice(node, ("review", "deny", "allow")) if node is not None else "review"
        if wanted == "allow" or not self._amounts or "currency" not in self._entries:
            return None
        effect = Effect(wanted or "deny")
        consequence = "are denied" if effect is Effect.DENY else "require approval"
        message = f"Currencies other than {self._currency.upper()} {consequence}"
        key = "other_currencies" if node is not None else "currency"
        other = Currency(OneOf((self._currency,), negated=True))
        return self._rule(key, "currency_not_covered", effect, other, message)

    def _shown(self, key: str) -> str:
        decimals = decimals_of(self._currency)
        whole, part = divmod(self._amounts[key], 10**decimals)
        return f"{whole:,}{f'.{part:0{decimals}}' if part else ''} {self._currency.upper()}"
