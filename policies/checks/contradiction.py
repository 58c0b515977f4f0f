"""Rules that hold for the very same movements and want different things of them."""

from collections import defaultdict
from collections.abc import Iterator

from policies.checks.finding import Finding
from policies.checks.normal_form import Normal, key_of
from policies.checks.wording import finding
from policies.syntax import Effect, ParsedPolicy, Rule

CODE = "contradiction"


def contradictions(parsed: ParsedPolicy, normals: tuple[Normal, ...]) -> Iterator[Finding]:
    """An error for an `allow` that a deny or review of the same movements always overrules.

    A warning for reviews of the same movements and of one priority with different terms: only their ids choose.
    """
    alike: defaultdict[object, list[Rule]] = defaultdict(list)
    for normal in normals:
        if normal.boxes:
            alike[key_of(normal.boxes)].append(normal.rule)
    for rules in alike.values():
        yield from _allowed_and_not(parsed, rules)
        yield from _different_terms(parsed, rules)


def _allowed_and_not(parsed: ParsedPolicy, rules: list[Rule]) -> Iterator[Finding]:
    other = next((rule for rule in rules if rule.effect in {Effect.DENY, Effect.REVIEW}), None)
    if other is None:
        return
    for rule in rules:
        if rule.effect is Effect.ALLOW:
            message = (
                f"rules `{rule.id}` and `{other.id}` match the same movements, and {other.effect} beats allow: "
                f"`{rule.id}` never allows anything"
            )
            hint = f"remove `{rule.id}`, or say where it differs from `{other.id}`"
            yield finding(parsed, CODE, "error", message, (rule.id, other.id), hint)


def _different_terms(parsed: ParsedPolicy, rules: list[Rule]) -> Iterator[Finding]:
    asks: dict[int, Rule] = {}
    for rule in sorted((each for each in rules if each.effect is Effect.REVIEW), key=lambda each: each.id):
        first = asks.setdefault(rule.priority, rule)
        if rule.review != first.review:
            message = (
                f"rules `{rule.id}` and `{first.id}` match the same movements with the same priority and do not ask "
                f"for the same approval: `{first.id}` decides, for its id comes first"
            )
            hint = "give them different priorities, or keep one"
            yield finding(parsed, CODE, "warning", message, (rule.id, first.id), hint)
