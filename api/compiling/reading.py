"""From a text to both of its views, its content hash and what the static checks find. Pure."""

from api.compiling.shapes import Job, PolicyReading, RuleView, TextError
from policies import PolicyInvalid, compile_policy, parse_with_positions, to_yaml
from policies.conditions import rule_kind
from policies.errors import PolicyError
from policies.syntax import Rule


def read(job: Job) -> PolicyReading:
    """Everything there is to know of the text; never raises, whatever it says."""
    try:
        parsed = parse_with_positions(job.text)
    except PolicyInvalid as invalid:
        return PolicyReading(errors=[_error(error) for error in invalid.errors])
    policy = parsed.policy
    return PolicyReading(
        slug=policy.slug,
        description=policy.description,
        language=2,
        content_hash=compile_policy(policy).content_hash,
        yaml=to_yaml(policy),
        plain=None,
        rules=[_rule(rule) for rule in policy.rules],
    )


def _error(error: PolicyError) -> TextError:
    return TextError(
        line=error.line,
        column=error.column,
        expected="",
        nearest="",
        code=error.code,
        message=error.message,
        hint=error.hint,
    )


def _rule(rule: Rule) -> RuleView:
    return RuleView(
        id=rule.id,
        effect=rule.effect.value,
        kind=rule_kind(rule.when),
        priority=rule.priority,
        reason=rule.reason,
        message=rule.message,
        plain="",
    )
