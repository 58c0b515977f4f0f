"""Rules that can never hold, and rules that can never decide because another one always comes first."""

from collections.abc import Iterator
from enum import IntEnum

from policies.checks.covering import Covering
from policies.checks.finding import Finding
from policies.checks.normal_form import TIME, Normal, always_known
from policies.checks.wording import finding
from policies.conditions import Scope
from policies.syntax import Effect, OnError, ParsedPolicy, Rule, WhenMissing

CODE = "never_fires"


class Heaviness(IntEnum):
    """What an effect does to the outcome; the heavier wins."""

    NONE = 0
    ALLOW = 1
    REVIEW = 2
    DENY = 3


def impossible(parsed: ParsedPolicy, normals: tuple[Normal, ...]) -> Iterator[Finding]:
    """An error for each rule that is True for no movement whatever."""
    for normal in normals:
        if not normal.boxes:
            rule = normal.rule.id
            yield finding(parsed, CODE, "error", f"rule `{rule}` can never match: {_why(parsed, normal)}", (rule,))


def outranked(parsed: ParsedPolicy, normals: tuple[Normal, ...]) -> Iterator[Finding]:
    """A warning for each rule with an effect that decides nothing, matched or undecided, since another always does.

    Such a rule still stands in the evidence. Flags decide nothing by nature, and are neither reported nor blamed.
    """
    scope = parsed.policy.applies_to
    # In the order in which rules name the outcome: whatever covers a rule and comes before it decides in its place.
    ranked = sorted(
        (normal for normal in normals if normal.boxes and normal.rule.effect is not Effect.FLAG),
        key=lambda normal: _rank(normal.rule, heaviness(normal.rule.effect)),
    )
    covering = Covering(ranked)
    for place, normal in enumerate(ranked):
        rule = normal.rule
        for over in covering.covering(normal.boxes, before=place):
            if _decides_when_undecided(over.rule, normal, scope):
                other = over.rule
                message = (
                    f"rule `{rule.id}` never decides: wherever it matches, so does `{other.id}`, which "
                    f"{_why_first(other, rule)}"
                )
                hint = f"change what one of them matches, or remove `{rule.id}`"
                yield finding(parsed, CODE, "warning", message, (rule.id, other.id), hint)
                break


def heaviness(effect: Effect | WhenMissing | OnError) -> Heaviness:
    match effect:
        case Effect.FLAG | WhenMissing.SKIP | OnError.SKIP:
            return Heaviness.NONE
        case Effect.ALLOW:
            return Heaviness.ALLOW
        case Effect.REVIEW | WhenMissing.REVIEW | OnError.REVIEW:
            return Heaviness.REVIEW
        case Effect.DENY | WhenMissing.DENY | OnError.DENY:
            return Heaviness.DENY


def _rank(rule: Rule, heaviness: Heaviness) -> tuple[int, int, str]:
    return (-heaviness, rule.priority, rule.id)


def _decides_when_undecided(over: Rule, normal: Normal, scope: Scope) -> bool:
    """Whether `over` also comes first where the rule, or both of them, cannot be decided for want of a fact."""
    undecided = max(_undecided(normal.rule, scope), default=Heaviness.NONE)
    if undecided is Heaviness.NONE:
        return True
    if normal.leaves_out_undecidable:
        return False
    own = _rank(normal.rule, undecided)
    return all(_rank(over, weight) < own for weight in (heaviness(over.effect), *_undecided(over, scope)))


def _undecided(rule: Rule, scope: Scope) -> set[Heaviness]:
    """All that the rule can weigh when it is undecided; empty if it never is."""
    weights: set[Heaviness] = set()
    expressions = any(leaf.kind == "custom_expression" for leaf in rule.when.leaves())
    if not all(map(always_known, rule.when.fact_names(scope))):
        default = WhenMissing.REVIEW if rule.effect in {Effect.REVIEW, Effect.DENY} else WhenMissing.SKIP
        weights.add(heaviness(rule.when_missing or default))
    if expressions:
        weights.add(heaviness(rule.on_error or OnError.DENY))
    return weights


def _why(parsed: ParsedPolicy, normal: Normal) -> str:
    if normal.conflicts:
        facts = " and ".join(sorted(f"`{_named(fact)}`" for fact in normal.conflicts))
        return f"what it says of {facts} cannot all be true"
    scope = parsed.policy.applies_to
    actions = f" with {', '.join(scope.rail_actions)}" if scope.rail_actions else ""
    facts = " and ".join(sorted(f"`{_named(fact)}`" for fact in normal.beyond_scope))
    return f"the policy applies to rail {scope.rail}{actions}, where {facts} is never as it says"


def _named(fact: str) -> str:
    return f"the time in {fact.removeprefix(TIME)}" if fact.startswith(TIME) else fact


def _why_first(over: Rule, rule: Rule) -> str:
    if over.effect is not rule.effect:
        return f"has the heavier effect {over.effect}"
    return "has the lower priority number" if over.priority != rule.priority else "comes first by its id"
