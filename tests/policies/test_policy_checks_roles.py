"""Reviews that ask people who may not approve."""

import pytest

from policies.checks import Finding, Known, check
from policies.parse import parse_with_positions

HEAD = "policy: a-policy\napplies_to: {rail: stripe}\n"


def findings(approvers: str, head: str = "") -> tuple[Finding, ...]:
    rule = f"{{id: r, when: {{initiator_kind: agent}}, effect: review, approvers: {{{approvers}}}}}"
    return check(parse_with_positions(f"{HEAD}{head}rules:\n  - {rule}\n"), Known())


@pytest.mark.parametrize(
    ("approvers", "head", "rules", "message"),
    [
        (
            "role: support",
            "",
            ("r",),
            "rule `r` asks the role `support`, and nobody with that role can approve; it would only expire",
        ),
        (
            "groups: [{role: admin}, {role: viewer}]",
            "",
            ("r",),
            "rule `r` asks the role `viewer`, and nobody with that role can approve; it would only expire",
        ),
        (
            "role: auditor, escalate: [{after: 4h, role: admin}]",
            "",
            ("r",),
            "rule `r` asks the role `auditor`, and nobody with that role can approve; "
            "it would only wait for its escalation",
        ),
        (
            "role: admin, escalate: [{after: 4h, role: support}]",
            "",
            ("r",),
            "rule `r` escalates to the role `support`, and nobody with that role can approve",
        ),
        (
            "role: admin",
            "missing_fact_approver: agent_owner\n",
            (),
            "the policy asks the role `agent_owner`, and nobody with that role can approve; it would only expire",
        ),
        (
            "role: admin",
            "default: {effect: review, approvers: {role: support}}\n",
            (),
            "the policy asks the role `support`, and nobody with that role can approve; it would only expire",
        ),
    ],
)
def test_a_role_that_may_not_approve_is_a_warning(
    approvers: str, head: str, rules: tuple[str, ...], message: str
) -> None:
    (found,) = findings(approvers, head)
    assert (found.code, found.severity, found.rules, found.message) == ("role_cannot_vote", "warning", rules, message)
    assert found.hint == "roles that can approve: admin, controller, finance_manager"


@pytest.mark.parametrize("role", ["finance_manager", "controller", "admin"])
def test_a_role_that_may_approve_is_left_alone(role: str) -> None:
    assert findings(f"role: {role}, escalate: [{{after: 4h, role: admin}}]", f"missing_fact_approver: {role}\n") == ()
