"""What `axiru policy` does, as functions from text to results; printing, files and exit codes are the CLI's."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import msgspec

from axiru.domain.evaluation import Evaluation
from axiru.domain.movement import Ovt
from policies.cases import Case, read_cases
from policies.checks import Finding, Known, check
from policies.checks.movements import ACTIONS_OF, unknown_movement
from policies.compile import CompiledPolicy, compile_policy
from policies.errors import PolicyError, PolicyInvalid
from policies.explain import Explanation, above_without_history, explain, facts_without_history
from policies.formats import Format, read
from policies.line import evaluate_line
from policies.plain import say

_NOTHING: Mapping[str, int | None] = MappingProxyType({})


class CaseResult(msgspec.Struct, frozen=True):
    """One case and what differs from what it expects. No difference: it holds."""

    name: str
    differences: tuple[str, ...]
    evaluation: Evaluation

    @property
    def passed(self) -> bool:
        return not self.differences


def check_policy(text: str, format: Format = "yaml") -> tuple[PolicyError, ...]:
    """Every fault in the text; empty if the policy compiles."""
    try:
        compile_policy(read(text, format).policy)
    except PolicyInvalid as error:
        return error.errors
    return ()


def policy_findings(text: str, format: Format = "yaml") -> tuple[Finding, ...]:
    """What is wrong with a policy that compiles. No file says which lists there are. Raises PolicyInvalid."""
    return check(read(text, format), Known())


def say_policy(text: str, format: Format = "yaml") -> str:
    """The policy in plain language. Raises PolicyInvalid."""
    return say(read(text, format).policy)


def run_policy_tests(policy_text: str, tests_text: str, format: Format = "yaml") -> tuple[CaseResult, ...]:
    """Run the cases of a `*_test.yaml` against a policy. Raises PolicyInvalid if either text does not load."""
    compiled = compile_policy(read(policy_text, format).policy)
    book = read_cases(tests_text)
    if book.policy != compiled.slug:
        message = f"these cases are about {book.policy}, the policy is {compiled.slug}"
        raise PolicyInvalid([PolicyError(1, 1, "wrong_policy", message)])
    return tuple(_run(compiled, case) for case in book.cases)


def explain_policy(
    policy_text: str,
    ovt: Ovt,
    *,
    now: datetime,
    windows: Mapping[str, int | None] = _NOTHING,
    format: Format = "yaml",
) -> Explanation:
    """What the policy says of `ovt` and why. Windows not stated are empty. Raises PolicyInvalid."""
    compiled = compile_policy(read(policy_text, format).policy)
    facts = facts_without_history(compiled, ovt, windows=windows)
    return explain(compiled, facts, above_without_history(compiled, ovt), now=now)


def _run(compiled: CompiledPolicy, case: Case) -> CaseResult:
    ovt = case.movement.ovt()
    facts = facts_without_history(compiled, ovt, windows=case.windows, lists=case.lists, labels=case.labels)
    evaluation = evaluate_line(compiled, facts, above_without_history(compiled, ovt, case.lists), now=case.at)
    windows = {window.name for window in compiled.windows}
    read_instead = f"; it reads {', '.join(sorted(windows))}" if windows else ""
    # A case about what the policy is never asked about would hold without saying anything.
    differences = (
        [] if compiled.applies_to(ovt.rail, ovt.rail_action) else [f"the policy does not govern {ovt.surface}"]
    )
    # A policy written ahead of its rail can be tested; `check` says that there is no such rail.
    if ovt.rail in ACTIONS_OF or differences:
        unknown = unknown_movement(ovt.rail, (ovt.rail_action,))
        differences += [f"the movement is of {message} ({hint})" for message, hint in unknown]
    differences += [f"the policy reads no window {name}{read_instead}" for name in sorted(set(case.windows) - windows)]
    unread = sorted(set(case.lists) - {spec.slug for spec in compiled.lists})
    differences += [f"the policy looks into no list {slug}" for slug in unread]
    unread = sorted(label for label in case.labels if f"label.{label}" not in compiled.fact_names)
    differences += [f"the policy reads no label {label}" for label in unread]
    expect = case.expect
    found = {
        "outcome": evaluation.outcome.value,
        "reason": evaluation.reason,
        "rule": evaluation.matched_rule_id,
        "rule_kind": evaluation.rule_kind,
        "message": evaluation.message,
        "approver_role": evaluation.approver_role,
        "missing": next((hit.missing for hit in evaluation.hits if hit.rule_id == evaluation.matched_rule_id), ()),
        "judged_as": evaluation.judged_as or None,
        "flags": tuple(flag.rule_id for flag in evaluation.flags),
    }
    for field, value in found.items():
        expected = getattr(expect, field)
        if expected is not None and expected != value:
            differences.append(f"{field}: expected {expected}, found {value}")
    return CaseResult(case.name, tuple(differences), evaluation)
