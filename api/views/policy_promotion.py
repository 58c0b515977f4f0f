"""What a promotion would change, in words a person can decide by: the period's comparison as sentences."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from api.views.period import Period
from api.views.policy_diff import Compared
from api.views.policy_version import VersionSummary
from axiru.domain.evaluation import Outcome
from axiru.domain.exact import exact
from axiru.domain.movement import Mode

TRANSITIONS: Final = {
    (Outcome.ALLOW, Outcome.REVIEW): "allow_to_review",
    (Outcome.ALLOW, Outcome.DENY): "allow_to_deny",
    (Outcome.REVIEW, Outcome.ALLOW): "review_to_allow",
    (Outcome.REVIEW, Outcome.DENY): "review_to_deny",
    (Outcome.REVIEW, Outcome.REVIEW): "review_by_others",
    (Outcome.DENY, Outcome.ALLOW): "deny_to_allow",
    (Outcome.DENY, Outcome.REVIEW): "deny_to_review",
}

_NOW: Final = {
    "allow_to_deny": ("is allowed now", "are allowed now", "denied"),
    "review_to_deny": ("goes to approval now", "go to approval now", "denied"),
    "review_to_allow": ("goes to approval now", "go to approval now", "allowed without asking anybody"),
    "deny_to_allow": ("is denied now", "are denied now", "allowed"),
}


class PromotionView(msgspec.Struct, frozen=True, kw_only=True):
    """What activating the version would change, as far as the period's decisions tell.

    `counts` and `amounts` (by currency, numbers past 2^53 as text) are by change: `allow_to_review` is what is allowed
    now and will wait for approval; `review_by_others` is what waits now and will, too, but for other people or under
    other terms.
    Every change is in them, those that never occurred as 0 and as an empty object.
    """

    slug: str
    version: int
    name: str
    mode: Mode
    sentences: list[str]
    counts: dict[str, int]
    amounts: dict[str, dict[str, int | str]]
    compared: int
    agreed: int
    agreement_rate: float | None
    since: datetime
    until: datetime


def promotion_view(
    mode: Mode,
    shown: VersionSummary,
    period: Period,
    compared: Sequence[Compared],
    elsewhere: int,
    beside: Sequence[str],
) -> PromotionView:
    """The preview from the same comparison that the diff is made of.

    `elsewhere` as `decided_elsewhere` counts; `beside` as `policies_beside` names.
    """
    counts: dict[str, int] = dict.fromkeys(TRANSITIONS.values(), 0)
    amounts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for group in compared:
        if not group.agrees:
            change = TRANSITIONS[group.live_outcome, group.outcome]
            counts[change] += group.count
            amounts[change].update(group.amount)
    total, agreed = sum(group.count for group in compared), sum(group.count for group in compared if group.agrees)
    unenforced = sum(group.count - group.enforced for group in compared if not group.agrees)
    return PromotionView(
        slug=shown.slug,
        version=shown.version,
        name=shown.name,
        mode=mode,
        sentences=[
            *_sentences(shown, period, counts, total=total, agreed=agreed, unenforced=unenforced, elsewhere=elsewhere),
            *([f"It will stand beside {_listed(beside)}; the severest answer counts."] if beside else []),
        ],
        counts=counts,
        amounts={change: exact(amounts[change]) for change in counts},
        compared=total,
        agreed=agreed,
        agreement_rate=agreed / total if total else None,
        since=period.since,
        until=period.until,
    )


def _sentences(
    shown: VersionSummary,
    period: Period,
    counts: dict[str, int],
    *,
    total: int,
    agreed: int,
    unenforced: int,
    elsewhere: int,
) -> Iterator[str]:
    if shown.status == "active":
        yield f"{shown.name} is in force already."
    if not total:
        between = f"between {period.since:%Y-%m-%d %H:%M} and {period.until:%Y-%m-%d %H:%M} UTC"
        yield f"There is nothing to compare: {shown.name} looked on at no decision {between}."
        return
    if agreed == total:
        yield f"shadow: false — nothing changes: {shown.name} agrees with {_all(total)} compared."
        return
    asked_too = counts["deny_to_review"]
    asked = counts["allow_to_review"] + asked_too
    approvals = f"{asked:,} would-be approval{'' if asked == 1 else 's'}" if asked else "no would-be approvals"
    yield f"shadow: false — {approvals} will start going to the approvals queue."
    if asked_too:
        yield f"{_of_them(asked_too, asked)} denied now."
    for change, (one, many, then) in _NOW.items():
        if count := counts[change]:
            yield f"{_requests(count)} that {one if count == 1 else many} will be {then}."
    if others := counts["review_by_others"]:
        yield f"{others:,} approval{'' if others == 1 else 's'} will be asked of other people or under other terms."
    if elsewhere:
        of_these = (
            "This request was"
            if elsewhere == total - agreed == 1
            else f"{elsewhere:,} of these requests {'was' if elsewhere == 1 else 'were'}"
        )
        yield f"{of_these} decided by a control or another policy, whose word stays."
    if unenforced:
        came = _came(unenforced, total - agreed)
        yield f"{came} over a surface in shadow, where nothing is stopped until the surface enforces."


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _all(count: int) -> str:
    return "the 1 decision" if count == 1 else f"all {count:,} decisions"


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count:,} requests"


def _of_them(count: int, of: int) -> str:
    if count == of:
        return "It is" if of == 1 else "All of them are"
    return f"{count:,} of them {'is' if count == 1 else 'are'}"


def _came(count: int, of: int) -> str:
    if count == of:
        return "This request came" if of == 1 else "All of these requests came"
    return f"{count:,} of these requests came"
