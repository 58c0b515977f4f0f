"""One movement of the past after another through a policy, each as things stood then under that policy."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from axiru.domain.evaluation import Evaluation, Outcome
from axiru.domain.movement import Ovt
from policies.compile import CompiledPolicy
from policies.facts import facts_of
from policies.history.report import ReplayOutcome
from policies.history.windows import SlidingWindows
from policies.line import NOBODY, Above, evaluate_line, lists_of_agents
from policies.lists import ListSpec

Lists = Mapping[str, Callable[[str], bool]]
"""By slug, whether a word stands in a list. A list that is not here does not exist."""

NO_LISTS: Lists = MappingProxyType({})
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Judge:
    """Movements are judged in the order of their times."""

    def __init__(self, compiled: CompiledPolicy, lists: Lists = NO_LISTS) -> None:
        self._compiled = compiled
        self._lists = lists
        self._windows: dict[str, SlidingWindows] = {}

    def judge(
        self,
        ovt: Ovt,
        at: datetime,
        *,
        surface_mode: str = "",
        labels: Mapping[str, bool | None] = _NOTHING,
        listed: Mapping[str, bool | None] = _NOTHING,
        listed_above: Above = NOBODY,
        happened: bool = True,
    ) -> Evaluation:
        """What the policy says at `at`. Windows of each `surface_mode` are counted apart, as live ones are.

        `listed` and `listed_above` are answers that were sealed, for who asked and for agents above; the others come
        from the lists. A movement that is blocked, or that did not come about for a reason outside of the policy (not
        `happened`), counts in no window.
        """
        windows = self._windows.get(surface_mode)
        if windows is None:
            windows = self._windows[surface_mode] = SlidingWindows(self._compiled.windows)
        known = facts_of(ovt, windows={}) if self._compiled.lists else _NOTHING
        answers = {spec.fact: self._is_in(spec, known.get(spec.subject_fact)) for spec in self._compiled.lists}
        facts = facts_of(ovt, windows=windows.before(ovt, at), labels=labels, listed={**answers, **listed})
        above = {agent: {**self._lists_of(agent), **listed_above.get(agent, {})} for agent in ovt.initiator.lineage}
        evaluation = evaluate_line(self._compiled, facts, above, now=at)
        if happened and evaluation.outcome is not Outcome.DENY:
            windows.let_through(ovt, at)
        return evaluation

    def _lists_of(self, agent: str) -> dict[str, bool | None]:
        return {spec.fact: self._is_in(spec, agent) for spec in lists_of_agents(self._compiled.lists)}

    def _is_in(self, spec: ListSpec, subject: Any) -> bool | None:
        contains = self._lists.get(spec.slug)
        # What callers add to the context may be a boolean, which rules call by its JSON name.
        word = str(subject).lower() if isinstance(subject, bool) else subject
        return contains(word) if contains is not None and isinstance(word, str) else None


def outcome_of(evaluation: Evaluation) -> ReplayOutcome:
    """The evaluation in the words of a replay."""
    if evaluation.outcome is Outcome.DENY:
        return "blocked"
    if evaluation.outcome is Outcome.REVIEW:
        return "paused"
    return "drift" if evaluation.flags else "allowed"
