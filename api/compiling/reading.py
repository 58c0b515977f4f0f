"""From a text to both of its views, its content hash and what the static checks find. Pure."""

from typing import Final, assert_never

import msgspec

from api.compiling.shapes import FindingView, Job, PolicyReading, RuleView, Template, Text, TextError
from policies import PolicyInvalid, compile_policy, formats, parse_with_positions, to_yaml
from policies.checks import Finding, Known, check
from policies.conditions import rule_kind
from policies.errors import PolicyError
from policies.plain import say, say_rule
from policies.syntax import ParsedPolicy, Policy, Rule
from policies.templates import instantiate

ERRORS_TOLD: Final = 1_000
"""A text of 256 KiB can be wrong in a hundred thousand places; nobody reads on after so many."""


def read(job: Job) -> PolicyReading:
    """Everything there is to know of the policy, or the first `ERRORS_TOLD` errors; never raises, whatever a text says.

    Raises PackUnknown for a template that is not shipped.
    """
    try:
        return _told(_parsed(job), job)
    except PolicyInvalid as invalid:
        return PolicyReading(errors=[_error(error) for error in invalid.errors[:ERRORS_TOLD]])


def _parsed(job: Job) -> ParsedPolicy:
    match job:
        case Text():
            return formats.read(job.text, job.format)
        case Template():
            policy = instantiate(job.name, job.values)
            if job.slug is not None:
                policy = msgspec.structs.replace(policy, slug=job.slug)
            # Read once more as the text that its author will have, so that every place told is one in it.
            return parse_with_positions(to_yaml(policy))
        case _:
            assert_never(job)


def _told(parsed: ParsedPolicy, job: Job) -> PolicyReading:
    policy = parsed.policy
    shadow = job.shadow if isinstance(job, Text) else None
    if shadow is not None:
        policy = msgspec.structs.replace(policy, shadow=shadow)
    return PolicyReading(
        findings=[_finding(finding) for finding in check(parsed, Known(lists=job.lists))],
        slug=policy.slug,
        description=policy.description,
        language=parsed.language,
        content_hash=compile_policy(policy).content_hash,
        yaml=_yaml(policy, shadow=shadow),
        plain=say(policy),
        rules=[_rule(rule) for rule in policy.rules],
    )


def _yaml(policy: Policy, *, shadow: bool | None) -> str:
    """Canonical YAML begins with the policy's name and the schema; where `shadow` is known, it is said behind them."""
    if shadow is None:
        return to_yaml(policy)
    name, schema, rest = to_yaml(msgspec.structs.replace(policy, shadow=False)).split("\n", 2)
    return f"{name}\n{schema}\nshadow: {'true' if shadow else 'false'}\n{rest}"


def _error(error: PolicyError) -> TextError:
    return TextError(
        line=error.line,
        column=error.column,
        # A fault of YAML says in its hint what would be right.
        expected=error.expected or error.hint,
        nearest=error.nearest,
        code=error.code,
        message=error.message,
        hint=error.hint,
    )


def _finding(finding: Finding) -> FindingView:
    return FindingView(
        code=finding.code,
        severity=finding.severity,
        message=finding.message,
        rules=list(finding.rules),
        line=finding.line,
        column=finding.column,
        hint=finding.hint,
    )


def _rule(rule: Rule) -> RuleView:
    return RuleView(
        id=rule.id,
        effect=rule.effect.value,
        kind=rule_kind(rule.when),
        priority=rule.priority,
        reason=rule.reason,
        message=rule.message,
        plain=say_rule(rule),
    )
