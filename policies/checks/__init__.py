"""What is wrong with a policy that loads: rules that never count, bands that do not meet, names that mean nothing.

Nothing is claimed that is not so. Where a condition is too large to look at, or many rules are alike, less is said.
"""

from policies.checks.bands import bands
from policies.checks.contradiction import contradictions
from policies.checks.currencies import unmatched_currencies
from policies.checks.finding import Finding, Known, Severity
from policies.checks.movements import unknown_movements
from policies.checks.names import unknown_names
from policies.checks.normal_form import normal_forms
from policies.checks.reach import impossible, outranked
from policies.checks.roles import roles_asked
from policies.checks.uncovered import uncovered_currencies
from policies.syntax import ParsedPolicy


def check(parsed: ParsedPolicy, known: Known) -> tuple[Finding, ...]:
    """Every finding, in the order of the text. Pure, and bounded in time whatever the policy says."""
    normals = normal_forms(parsed.policy.rules, parsed.policy.applies_to)
    contradicting = list(contradictions(parsed, normals))
    told = {finding.rules[0] for finding in contradicting}
    found = [
        *roles_asked(parsed, known),
        *unknown_movements(parsed),
        *unknown_names(parsed, known),
        *impossible(parsed, normals),
        *contradicting,
        *(finding for finding in outranked(parsed, normals) if finding.rules[0] not in told),
        *unmatched_currencies(parsed, normals),
        *uncovered_currencies(parsed, normals),
        *bands(parsed, normals),
    ]
    return tuple(sorted(found, key=lambda finding: (finding.line, finding.column, finding.code)))


__all__ = ["Finding", "Known", "Severity", "check"]
