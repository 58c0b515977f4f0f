"""Roles that a policy asks and that there are not, or that may not approve."""

from collections.abc import Iterator

from axiru.domain.evaluation import ReviewTerms
from policies.checks.finding import Finding, Known
from policies.checks.wording import finding, meant
from policies.syntax import ParsedPolicy


def roles_asked(parsed: ParsedPolicy, known: Known) -> Iterator[Finding]:
    """An error for each role that there is not, a warning for each that may not approve; each once a rule."""
    policy = parsed.policy
    fallback = frozenset({policy.missing_fact_approver})
    yield from _asked(parsed, (), known, policy.default.review, fallback)
    for rule in policy.rules:
        yield from _asked(parsed, (rule.id,), known, rule.review)


def _asked(
    parsed: ParsedPolicy,
    rules: tuple[str, ...],
    known: Known,
    terms: ReviewTerms | None,
    fallback: frozenset[str] = frozenset(),
) -> Iterator[Finding]:
    first = fallback.union(group.role for group in terms.groups) if terms else fallback
    later = frozenset(escalation.role for escalation in terms.escalations) if terms else frozenset()
    who = f"rule `{rules[0]}`" if rules else "the policy"
    for role in sorted((first | later) - known.roles):
        message = f"{who} asks for the role `{role}`, which there is not: nobody could approve"
        yield finding(parsed, "unknown_role", "error", message, rules, meant(role, known.roles))
    # Who a review escalates to stands in for the others.
    stands_in = bool(later & known.voting_roles)
    for role in sorted((first | later) & known.roles - known.voting_roles):
        alone = "it would only wait for its escalation" if stands_in else "it would only expire"
        verb, then = ("asks", f"; {alone}") if role in first else ("escalates to", "")
        message = f"{who} {verb} the role `{role}`, and nobody with that role can approve{then}"
        hint = f"roles that can approve: {', '.join(sorted(known.voting_roles))}"
        yield finding(parsed, "role_cannot_vote", "warning", message, rules, hint)
