"""Evaluation compared with a second evaluator, written from the documentation, that shares no code with the first."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from twin_comparison import differences

from policies import CompiledPolicy
from policies.candidates import index
from policies.compile import Weight

SEED = 20_260_428


def test_two_evaluators_agree_on_two_thousand_cases() -> None:
    assert differences(SEED, 2_000) == []


def deny_yielding(compiled: CompiledPolicy) -> CompiledPolicy:
    """Allow beats review beats deny."""
    rules = (replace(each, weight=Weight(4 - each.weight) if each.weight else each.weight) for each in compiled.rules)
    return replace(compiled, rules=tuple(rules))


def unsorted(compiled: CompiledPolicy) -> CompiledPolicy:
    """Rules of one weight in the wrong order, found as before."""
    rules = compiled.rules[::-1]
    return replace(compiled, rules=rules, index=index((each.requirements, True) for each in rules))


def blind_to_the_unknown(compiled: CompiledPolicy) -> CompiledPolicy:
    """An index in which no rule is found under a fact that is not known."""
    return replace(compiled, index=index((each.requirements, False) for each in compiled.rules))


def too_sure(compiled: CompiledPolicy) -> CompiledPolicy:
    """What is required is taken for all there is to a rule."""
    return replace(compiled, rules=tuple(replace(each, rest=None) for each in compiled.rules))


def forgiving(compiled: CompiledPolicy) -> CompiledPolicy:
    """Leaving a fact out is a way past a rule."""
    return replace(compiled, rules=tuple(replace(each, undecided_weight=Weight.NONE) for each in compiled.rules))


@pytest.mark.parametrize("broken", [deny_yielding, unsorted, blind_to_the_unknown, too_sure, forgiving])
def test_a_broken_evaluator_is_found_out(broken: Callable[[CompiledPolicy], CompiledPolicy]) -> None:
    assert differences(SEED, 1_000, broken=broken)
