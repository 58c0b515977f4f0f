"""Who answers the questions that the packs ask, and how soon."""

import pytest

from policies import pack, pack_names, parse

TWO_PEOPLE = {
    ("marketplace-transfers", "monthly_volume_exceeded"),
    ("marketplace-transfers", "very_high_value_transfer"),
    ("payouts-starter", "very_high_value_payout"),
    ("refunds-strict", "very_high_value_refund"),
}

ESCALATING = {
    ("disputes-starter", "accept_high_value_dispute"): "admin",
    ("disputes-starter", "submit_high_value_evidence"): "admin",
    ("marketplace-transfers", "high_value_transfer"): "admin",
    ("payouts-starter", "high_value_payout"): "admin",
    ("payouts-starter", "review_limit_exceeded"): "controller",
    ("refunds-strict", "high_value_refund"): "admin",
    ("refunds-strict", "review_limit_exceeded"): "controller",
}

REVIEWS = [(name, rule.id, rule.review) for name in pack_names() for rule in parse(pack(name)).rules if rule.review]


@pytest.mark.parametrize(("name", "rule_id", "review"), REVIEWS, ids=[f"{name}: {rule}" for name, rule, _ in REVIEWS])
def test_a_review_is_answered_within_a_day_by_as_many_people_as_it_takes(
    name: str, rule_id: str, review: object
) -> None:
    asked = [(group.role, group.count) for group in review.groups]  # type: ignore[attr-defined]
    if (name, rule_id) in TWO_PEOPLE:
        assert asked == [("controller", 1), ("finance_manager", 1)]
    else:
        assert asked in ([("controller", 1)], [("finance_manager", 1)])
    steps = [(step.after_seconds, step.role) for step in review.escalations]  # type: ignore[attr-defined]
    helper = ESCALATING.get((name, rule_id))
    assert steps == ([(8 * 3600, helper)] if helper else [])
    assert review.deadline_seconds == 24 * 3600  # type: ignore[attr-defined]


def test_where_a_fact_is_missing_a_controller_decides() -> None:
    assert {parse(pack(name)).missing_fact_approver for name in pack_names()} == {"controller"}
