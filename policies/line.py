"""A movement judged as the agent that asks and as each agent above it: what one of them is refused, none below gets.

As another agent, who asks and the lists that it stands in are other facts. All the rest is the request's own, the
scopes it claims as well: an agent above has those too, and would need no more of them to ask for the same. Windows
count a whole line as one already.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from math import inf
from types import MappingProxyType

from msgspec.structs import replace

from axiru.domain.evaluation import Evaluation, Outcome
from policies.compile import CompiledPolicy
from policies.evaluate import evaluate
from policies.facts import Facts
from policies.lists import ListSpec

WHO = "initiator.id"

Above = Mapping[str, Mapping[str, bool | None]]
"""The agents above the one that asks, nearest first, each with the lists it is in by `ListSpec.fact`."""

NOBODY: Above = MappingProxyType({})


def evaluate_line(compiled: CompiledPolicy, facts: Facts, above: Above, *, now: datetime) -> Evaluation:
    """As `evaluate`, of who asks and of each agent `above` it: the severest counts, `judged_as` tells whose that is.

    Among reviews the rule that comes first in the policy names who is asked, among other equals it is who asks. Flags
    are those of all. A policy that does not look at who asks is evaluated once. Raises ValueError if `now` is naive.
    """
    own = evaluate(compiled, facts, now=now)
    if not above or not asks_who(compiled):
        return own
    words = [own]
    for agent in above:
        said = evaluate(compiled, facts_as(agent, compiled, facts, above), now=now)
        words.append(replace(said, judged_as=agent))
    flags = {flag.rule_id: flag for said in words for flag in said.flags}
    in_order = tuple(sorted(flags.values(), key=lambda flag: (flag.priority, flag.rule_id)))
    return replace(min(words, key=_severity), flags=in_order)


def asks_who(compiled: CompiledPolicy) -> bool:
    """Whether the policy may answer one agent otherwise than another."""
    return WHO in compiled.fact_names or bool(lists_of_agents(compiled.lists))


def lists_of_agents(lists: Collection[ListSpec]) -> tuple[ListSpec, ...]:
    """Those of `lists` that are looked into for who asks."""
    return tuple(spec for spec in lists if spec.subject_fact == WHO)


def facts_as(agent: str, compiled: CompiledPolicy, facts: Facts, above: Above) -> Facts:
    """The facts if `agent` asked. Of a list that was not looked into for it, it is unknown whether it is in."""
    listed = {spec.fact: above[agent].get(spec.fact) for spec in lists_of_agents(compiled.lists)}
    return {**facts, WHO: agent, **listed}


def _severity(said: Evaluation) -> tuple[int, float, str]:
    named = next((hit for hit in said.hits if hit.rule_id == said.matched_rule_id), None)
    if said.outcome is not Outcome.REVIEW:
        return said.outcome.rank, 0, ""
    return said.outcome.rank, named.priority if named else inf, named.rule_id if named else ""
