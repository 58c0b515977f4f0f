"""The words of a promotion preview, for every number a reader may meet."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from api.views.period import Period
from api.views.policy_diff import Compared
from api.views.policy_promotion import promotion_view
from api.views.policy_version import VersionSummary
from axiru.domain.evaluation import Outcome

WEEK = Period(datetime(2026, 11, 14, 9, tzinfo=UTC), datetime(2026, 11, 21, 9, tzinfo=UTC))
ALLOW, REVIEW, DENY = Outcome


def version(status: Any = "shadow") -> VersionSummary:
    return VersionSummary(
        id="pv_1",
        slug="refunds",
        version=4,
        name="v4",
        status=status,
        shadow=status == "shadow",
        canary_percent=0,
        content_hash="0" * 64,
        language=2,
        authors=[],
        note="",
        published_at=None,
        activated_at=None,
        activated_by=None,
        retired_at=None,
    )


def compared(live: Outcome, shadow: Outcome, count: int, *, agrees: bool = False, enforced: bool = True) -> Compared:
    return Compared(
        agrees=agrees,
        live_outcome=live,
        outcome=shadow,
        live_rule_id=None,
        rule_id="r",
        live_reason="default_allow",
        reason="r",
        count=count,
        amount={"usd": 100 * count},
        enforced=count if enforced else 0,
        newest="ed_1",
    )


def sentences(*groups: Compared, status: Any = "shadow", elsewhere: int = 0, beside: Sequence[str] = ()) -> list[str]:
    return promotion_view("test", version(status), WEEK, groups, elsewhere, beside).sentences


AGREEING = compared(ALLOW, ALLOW, 1_000, agrees=True)
NONE = "shadow: false — no would-be approvals will start going to the approvals queue."


@pytest.mark.parametrize(
    ("count", "approvals"),
    [(1, "1 would-be approval"), (82, "82 would-be approvals"), (1_204, "1,204 would-be approvals")],
)
def test_approvals_are_told_in_the_words_of_the_product_page(count: int, approvals: str) -> None:
    assert sentences(AGREEING, compared(ALLOW, REVIEW, count)) == [
        f"shadow: false — {approvals} will start going to the approvals queue."
    ]


@pytest.mark.parametrize(
    ("live", "shadow", "one", "many"),
    [
        (
            ALLOW,
            DENY,
            "1 request that is allowed now will be denied.",
            "3 requests that are allowed now will be denied.",
        ),
        (
            REVIEW,
            ALLOW,
            "1 request that goes to approval now will be allowed without asking anybody.",
            "3 requests that go to approval now will be allowed without asking anybody.",
        ),
        (
            REVIEW,
            DENY,
            "1 request that goes to approval now will be denied.",
            "3 requests that go to approval now will be denied.",
        ),
        (
            DENY,
            ALLOW,
            "1 request that is denied now will be allowed.",
            "3 requests that are denied now will be allowed.",
        ),
        (
            REVIEW,
            REVIEW,
            "1 approval will be asked of other people or under other terms.",
            "3 approvals will be asked of other people or under other terms.",
        ),
    ],
)
def test_every_other_change_is_told_too(live: Outcome, shadow: Outcome, one: str, many: str) -> None:
    assert sentences(compared(live, shadow, 1)) == [NONE, one]
    assert sentences(AGREEING, compared(live, shadow, 3)) == [NONE, many]


@pytest.mark.parametrize(
    ("before", "denied", "of_them"),
    [
        (0, 1, "It is denied now."),
        (0, 2, "All of them are denied now."),
        (4, 1, "1 of them is denied now."),
        (4, 2, "2 of them are denied now."),
    ],
)
def test_approvals_that_are_denied_now_are_counted_and_named(before: int, denied: int, of_them: str) -> None:
    groups = [compared(DENY, REVIEW, denied), *([compared(ALLOW, REVIEW, before)] if before else [])]
    first, second = sentences(*groups)
    assert first.startswith(f"shadow: false — {before + denied} would-be approval")
    assert second == of_them


def test_nothing_to_compare_and_nothing_that_changes_are_different_things() -> None:
    assert sentences() == [
        "There is nothing to compare: v4 looked on at no decision between 2026-11-14 09:00 and 2026-11-21 09:00 UTC."
    ]
    assert sentences(AGREEING) == ["shadow: false — nothing changes: v4 agrees with all 1,000 decisions compared."]
    assert sentences(compared(ALLOW, ALLOW, 1, agrees=True)) == [
        "shadow: false — nothing changes: v4 agrees with the 1 decision compared."
    ]


@pytest.mark.parametrize(
    ("enforced", "unenforced", "came"),
    [
        (0, 1, "This request came over a surface"),
        (0, 2, "All of these requests came over a surface"),
        (5, 1, "1 of these requests came over a surface"),
    ],
)
def test_what_a_surface_in_shadow_lets_through_anyway_is_not_passed_over(
    enforced: int, unenforced: int, came: str
) -> None:
    groups = [compared(ALLOW, REVIEW, unenforced, enforced=False)]
    if enforced:
        groups.append(compared(ALLOW, DENY, enforced))
    last = sentences(*groups)[-1]
    assert last == f"{came} in shadow, where nothing is stopped until the surface enforces."


@pytest.mark.parametrize(("beside", "named"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
@pytest.mark.parametrize("groups", [(), (AGREEING,), (compared(ALLOW, DENY, 2),)], ids=["none", "agreeing", "changes"])
def test_policies_that_stay_in_force_beside_it_are_named(
    groups: tuple[Compared, ...], beside: list[str], named: str
) -> None:
    *others, last = sentences(*groups, beside=beside)
    assert others == sentences(*groups)
    assert last == f"It will stand beside {named}; the severest answer counts."


def test_a_version_in_force_is_said_to_be() -> None:
    assert sentences(AGREEING, status="active")[0] == "v4 is in force already."


def test_counts_and_amounts_name_every_change() -> None:
    view = promotion_view(
        "test", version(), WEEK, [AGREEING, compared(ALLOW, DENY, 2), compared(ALLOW, DENY, 3)], 0, []
    )
    assert view.counts == {
        "allow_to_review": 0,
        "allow_to_deny": 5,
        "review_to_allow": 0,
        "review_to_deny": 0,
        "deny_to_allow": 0,
        "deny_to_review": 0,
        "review_by_others": 0,
    }
    assert (view.amounts["allow_to_deny"], view.amounts["allow_to_review"]) == ({"usd": 500}, {})
    assert (view.compared, view.agreed) == (1_005, 1_000)
