"""What every version says of one movement: those in force, and beside them those that only look on."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from axiru.domain.control import marked_for_review
from axiru.domain.evaluation import Evaluation, Outcome, ReviewTerms
from axiru.domain.movement import Ovt
from ledger.acts.canary import Canary, canary_of
from ledger.acts.measuring import Measured, measure
from ledger.acts.projection import Recorded, ShadowResult
from ledger.acts.ruling import Evaluated, severest
from ledger.acts.standing import ActiveList, CompiledVersions, Standing, VersionInForce
from policies import CompiledPolicy, evaluate_line, facts_of
from policies.budgets import Budget
from policies.line import asks_who, lists_of_agents

MOST_LOOKED_UP: Final = 100
"""How many windows and lists the versions that only look on may ask for, beyond those that what decides asks for."""

MOST_EXPRESSIONS: Final = 1_000
"""How many expressions they may hold together: one person can publish, and must not slow every decision by it.

What is looked up or evaluated for agents above the one that asks, too, counts as often.
"""


class Words(NamedTuple):
    """`live` is None where no version in force covers the movement. The rest is what the words were made from.

    `budgets` are those of the versions that decide. `unread` only look on, and keep no decision from being made: their
    texts are not what was published, are still being read, or would cost a decision more than `MOST_LOOKED_UP` and
    `MOST_EXPRESSIONS` allow all of them together.
    """

    live: Evaluated | None
    shadows: tuple[Evaluated, ...]
    results: tuple[ShadowResult, ...]
    canaries: tuple[Canary, ...]
    lists: tuple[ActiveList, ...]
    labels: dict[str, bool]
    measured: Measured
    unread: tuple[VersionInForce, ...]
    budgets: tuple[tuple[VersionInForce, Budget], ...]


async def hear(
    request: Recorded, standing: Standing, now: datetime, compiled: CompiledVersions, *, excluding: str | None = None
) -> Words:
    """Evaluate every version that covers the movement on the same facts, for who asks and each agent above it.

    Raises PolicyVersionMissing.
    A decision that was made before and is judged again counts in no window: it is the one `excluding` names.
    """
    ovt = request.ovt
    covering, unread = await _read(standing.versions, ovt, compiled)
    looked_up = {spec.fact: spec for _, policy in covering for spec in policy.lists}.values()
    slugs = {spec.slug for spec in looked_up}
    lists = tuple(sorted((one for one in standing.lists if one.slug in slugs), key=lambda one: one.slug))
    measured = await measure(
        {window.name: window for _, policy in covering for window in policy.windows}.values(),
        tuple(looked_up),
        lists,
        ovt,
        organization_id=request.organization_id,
        mode=request.mode,
        surface_mode=standing.surface_mode,
        now=now,
        excluding=excluding,
    )
    labels = {"marked_for_review": marked_for_review(standing.controls, ovt, now)}
    facts = facts_of(ovt, windows=measured.windows, labels=labels, listed=measured.listed)
    words = [Evaluated(version, evaluate_line(policy, facts, measured.above, now=now)) for version, policy in covering]
    canaries = _canaries(standing.versions, covering, ovt)
    in_force = [word for word in words if _decides(word.version, canaries)]
    shadows = tuple(word for word in words if not _decides(word.version, canaries))
    live = severest(in_force)
    by_slug = {word.version.slug: word for word in in_force}
    results = tuple(_result(word, by_slug.get(word.version.slug, live)) for word in shadows)
    deciding = [(version, policy) for version, policy in covering if _decides(version, canaries)]
    budgets = tuple((version, budget) for version, policy in deciding for budget in policy.budgets)
    return Words(live, shadows, results, canaries, lists, labels, measured, unread, budgets)


async def _read(
    versions: Iterable[VersionInForce], ovt: Ovt, compiled: CompiledVersions
) -> tuple[list[tuple[VersionInForce, CompiledPolicy]], tuple[VersionInForce, ...]]:
    """The versions that cover the movement, in their order. Raises PolicyVersionMissing for one that decides."""
    covering: dict[str, CompiledPolicy] = {}
    looking_on = [version for version in versions if not has_a_share(version)]
    for version in versions:
        if has_a_share(version) and (policy := await compiled.get(version)).applies_to(ovt.rail, ovt.rail_action):
            covering[version.id] = policy
    at_hand = await compiled.at_hand(looking_on)
    unread = {version.id for version in looking_on if version.id not in at_hand}
    line = ("", *ovt.initiator.lineage)
    looked_up = {each for policy in covering.values() for each in _looked_up(policy, line)}
    most, expressions = len(looked_up) + MOST_LOOKED_UP, 0
    for version_id, policy in at_hand.items():
        if not policy.applies_to(ovt.rail, ovt.rail_action):
            continue
        wanted = looked_up | _looked_up(policy, line)
        times = len(line) if asks_who(policy) else 1
        evaluated = expressions + times * sum(len(rule.expressions) for rule in policy.rules)
        if len(wanted) > most or evaluated > MOST_EXPRESSIONS:
            unread.add(version_id)
        else:
            covering[version_id], looked_up, expressions = policy, wanted, evaluated
    return (
        [(version, covering[version.id]) for version in versions if version.id in covering],
        tuple(version for version in versions if version.id in unread),
    )


def has_a_share(version: VersionInForce) -> bool:
    """Whether it decides anything; the others only look on."""
    return version.status == "active" or version.canary_percent > 0


def _looked_up(policy: CompiledPolicy, line: tuple[str, ...]) -> set[tuple[str, str]]:
    """What a decision has to count or look up for the policy; what two policies ask for costs once."""
    own = {(window.name, "") for window in policy.windows} | {(spec.fact, "") for spec in policy.lists}
    return own | {(spec.fact, agent) for spec in lists_of_agents(policy.lists) for agent in line}


def _canaries(
    versions: Iterable[VersionInForce], covering: Iterable[tuple[VersionInForce, CompiledPolicy]], ovt: Ovt
) -> tuple[Canary, ...]:
    """Of the policies concerned. A canary that no longer covers the movement still takes the active version's place."""
    concerned = {version.slug for version, _ in covering}
    return tuple(
        canary_of(version, ovt) for version in versions if version.canary_percent and version.slug in concerned
    )


def _decides(version: VersionInForce, canaries: Iterable[Canary]) -> bool:
    """A canary stands in for the active version of its policy at its own share of the movements."""
    deciding = next((one for one in canaries if one.slug == version.slug and one.decides), None)
    return version.status == "active" if deciding is None else version.version == deciding.version


def _result(word: Evaluated, live: Evaluated | None) -> ShadowResult:
    """Compared with the version in force of the same policy; without one, with what the other policies said."""
    said = word.evaluation
    live_said = live.evaluation if live else None
    live_outcome = live_said.outcome if live_said else Outcome.DENY
    return ShadowResult(
        version_id=word.version.id,
        slug=word.version.slug,
        version=word.version.version,
        outcome=said.outcome.value,
        reason=said.reason,
        rule_id=said.matched_rule_id,
        live_version_id=live.version.id if live else None,
        live_outcome=live_outcome.value,
        live_reason=live_said.reason if live_said else "no_active_policy",
        live_rule_id=live_said.matched_rule_id if live_said else None,
        agrees=said.outcome is live_outcome and (live_said is None or _asked(said) == _asked(live_said)),
    )


def _asked(said: Evaluation) -> ReviewTerms | None:
    """Who has to approve and under which terms; None where nobody is asked."""
    return said.review if said.outcome is Outcome.REVIEW else None
