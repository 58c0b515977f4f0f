"""One movement of the past after another through a policy, each as things stood then under that policy."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from axiru.domain.evaluation import Evaluation, Outcome
from axiru.domain.movement import Ovt
from policies.compile import CompiledPolicy
from policies.evaluate import evaluate
from policies.facts import facts_of
from policies.history.report import ReplayOutcome
from policies.history.windows import SlidingWindows

Lists = Mapping[str, Callable[[str], bool]]
"""By slug, whether a word stands in a list. A list that is not here does not exist."""

NO_LISTS: Lists = MappingProxyType({})
_NOTHING: Mapping[str, bool | None] = MappingProxyType({})


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
        happened: bool = True,
    ) -> Evaluation:
        """What the policy says at `at`. Windows of each `surface_mode` are counted apart, as live ones are.

        `listed` are answers that were sealed; the others come from the lists. A movement that is blocked, or that did
        not come about for a reason outside of the policy (not `happened`), counts in no window.
        """
        windows = self._windows.get(surface_mode)
        if windows is None:
            windows = self._windows[surface_mode] = SlidingWindows(self._compiled.windows)
        facts = facts_of(ovt, windows=windows.before(ovt, at), labels=labels, listed={**self._looked_up(ovt), **listed})
        evaluation = evaluate(self._compiled, facts, now=at)
        if happened and evaluation.outcome is not Outcome.DENY:
            windows.let_through(ovt, at)
        return evaluation

    def _looked_up(self, ovt: Ovt) -> Mapping[str, bool | None]:
        if not self._compiled.lists:
            return _NOTHING
        known = facts_of(ovt, windows={})
        answers: dict[str, bool | None] = {}
        for spec in self._compiled.lists:
            subject, contains = known.get(spec.subject_fact), self._lists.get(spec.slug)
            # What callers add to the context may be a boolean, which rules call by its JSON name.
            word = str(subject).lower() if isinstance(subject, bool) else subject
            answers[spec.fact] = contains(word) if contains is not None and isinstance(word, str) else None
        return answers


def outcome_of(evaluation: Evaluation) -> ReplayOutcome:
    """The evaluation in the words of a replay."""
    if evaluation.outcome is Outcome.DENY:
        return "blocked"
    if evaluation.outcome is Outcome.REVIEW:
        return "paused"
    return "drift" if evaluation.flags else "allowed"
