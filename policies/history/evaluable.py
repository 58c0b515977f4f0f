"""Which rules a history can answer: those that read nothing it cannot hold."""

import msgspec

from policies.syntax import Policy, Rule

WINDOW = "window."
NOW = "now"


def evaluable(
    policy: Policy, facts: frozenset[str], lists: frozenset[str] = frozenset()
) -> tuple[Policy, tuple[str, ...]]:
    """The policy with the rules that `facts` and `lists` (by slug) suffice for, and the ids of the others, sorted.

    A fact that the history can hold and a row leaves out is an ordinary missing fact; the rule stays.
    """
    kept = tuple(rule for rule in policy.rules if _suffices(rule, policy, facts, lists))
    left_out = {rule.id for rule in policy.rules} - {rule.id for rule in kept}
    return msgspec.structs.replace(policy, rules=kept), tuple(sorted(left_out))


def _suffices(rule: Rule, policy: Policy, facts: frozenset[str], lists: frozenset[str]) -> bool:
    scope = policy.applies_to
    looked_up = rule.when.lists(scope)
    if any(spec.slug not in lists or spec.subject_fact not in facts for spec in looked_up):
        return False
    read = {name for name in rule.when.fact_names(scope) if not name.startswith(WINDOW)}
    if not read - {spec.fact for spec in looked_up} <= facts:
        return False
    if NOW not in facts and any(leaf.kind == "time_of_day" for leaf in rule.when.leaves()):
        return False
    return all(
        NOW in facts and (not window.subject_facts or bool(facts & set(window.subject_facts)))
        for window in rule.when.windows(scope)
    )
