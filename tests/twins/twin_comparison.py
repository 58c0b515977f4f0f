"""Both evaluators on the same generated cases."""

from collections.abc import Callable

import msgspec
from generated_cases import cases
from naive_evaluator import evaluate as evaluate_naively
from naive_names import Document, Facts

from axiru.domain.evaluation import Evaluation
from policies import CompiledPolicy, evaluate

MOVEMENTS = 50
"""Facts for each policy: reading and compiling one takes as long as many evaluations."""


def differences(
    seed: int, count: int, *, broken: Callable[[CompiledPolicy], CompiledPolicy] = lambda compiled: compiled
) -> list[tuple[Document, Facts, Document, Document]]:
    """Policy, facts and both answers wherever they differ among `count` cases; `broken` tampers with one evaluator."""
    found: list[tuple[Document, Facts, Document, Document]] = []
    for policy, compiled, movements, now in cases(seed, count // MOVEMENTS, MOVEMENTS):
        tampered = broken(compiled)
        for facts in movements:
            ours, theirs = plain(evaluate(tampered, facts, now=now)), evaluate_naively(policy, facts, now)
            if ours != theirs:
                found.append((policy, facts, ours, theirs))
    return found


def plain(evaluation: Evaluation) -> Document:
    written: Document = msgspec.json.decode(msgspec.json.encode(evaluation))
    del written["policy_hash"]
    return written
