"""Rails and rail actions that a policy names and that there are not.

Only a warning: a policy may be written ahead of the rail that it is for.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from axiru.domain.movement import SURFACES
from policies.checks.finding import Finding
from policies.checks.wording import finding, meant
from policies.conditions import Condition
from policies.conditions.rail import Rail
from policies.conditions.rail_action import RailAction
from policies.conditions.rolling_window import RollingWindow
from policies.syntax import ParsedPolicy


def _by_rail() -> Mapping[str, frozenset[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for surface in SURFACES:
        rail, _, action = surface.partition(".")
        found[rail].add(action)
    return {rail: frozenset(actions) for rail, actions in found.items()}


ACTIONS_OF: Final = _by_rail()
_ACTIONS: Final = frozenset().union(*ACTIONS_OF.values())


def unknown_movements(parsed: ParsedPolicy) -> Iterator[Finding]:
    """Warnings, each once a rule; none about the actions of a rail that is not known itself."""
    scope = parsed.policy.applies_to
    for message, hint in unknown_movement(scope.rail, scope.rail_actions):
        yield finding(parsed, "unknown_movement", "warning", f"the policy applies to {message}", (), hint)
    for rule in parsed.policy.rules:
        told = dict(each for leaf in rule.when.leaves() for each in _of(leaf, scope.rail))
        for message, hint in told.items():
            yield finding(parsed, "unknown_movement", "warning", f"rule `{rule.id}` names {message}", (rule.id,), hint)


def unknown_movement(rail: str, actions: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What is not known of the rail and its actions, and what may have been meant."""
    known = ACTIONS_OF.get(rail)
    if known is None:
        yield f"the rail `{rail}`, which there is not", meant(rail, ACTIONS_OF)
        return
    for action in sorted(set(actions) - known):
        yield f"the rail action `{action}`, which {rail} does not have", meant(action, known)


def _of(leaf: Condition, rail: str) -> Iterator[tuple[str, str]]:
    match leaf:
        case Rail():
            for each in leaf.expected.values:
                yield from unknown_movement(each, ()) if each != rail else ()
        # An action of another rail is known; that a rule about it never matches here is told as that.
        case RailAction() if rail in ACTIONS_OF:
            yield from unknown_movement(rail, set(leaf.expected.values) - _ACTIONS)
        case RollingWindow() if leaf.rail not in {None, rail} or rail in ACTIONS_OF:
            yield from unknown_movement(leaf.rail or rail, leaf.rail_actions)
