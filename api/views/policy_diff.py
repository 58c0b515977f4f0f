"""Live beside shadow: where a version that looked on would have said something else, by rule, reason and amount."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from api.intake.vocabulary import OutcomeStyle, OutcomeWord, word
from api.views.period import Period
from api.views.policy_version import VersionSummary, active_version
from axiru.database import rows
from axiru.domain.evaluation import Outcome
from axiru.domain.exact import exact
from axiru.domain.movement import Mode

EXAMPLES: Final = 5


class OutcomeGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions for which live and shadow named the same pair of rules. `rule` is null where the default decided.

    A change from review to review asks other people, or under other terms: another quorum, deadline or escalation.
    `amount` is in minor units by currency, past 2^53 as decimal strings; `examples` are the newest decision ids.
    """

    live_outcome: OutcomeWord
    outcome: OutcomeWord
    live_rule: str | None
    rule: str | None
    live_reason: str
    reason: str
    count: int
    amount: dict[str, int | str]
    examples: list[str]


class VersionDiff(msgspec.Struct, frozen=True, kw_only=True):
    """`live` is the version in force now; `live_versions` are those that counted for the decisions compared.

    `agreement_rate` is null where nothing was compared.
    """

    slug: str
    version: int
    name: str
    mode: Mode
    live: VersionSummary | None
    live_versions: list[str]
    since: datetime
    until: datetime
    compared: int
    agreed: int
    agreement_rate: float | None
    changes: list[OutcomeGroup]
    agreeing: list[OutcomeGroup]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions with one pair of outcomes, rules and reasons. `enforced` of them came over a surface that enforces."""

    agrees: bool
    live_outcome: Outcome
    outcome: Outcome
    live_rule_id: str | None
    rule_id: str | None
    live_reason: str
    reason: str
    count: int
    amount: dict[str, int]
    enforced: int
    newest: str

    @property
    def key(self) -> tuple[Any, ...]:
        return tuple(getattr(self, column) for column in _KEY)


_KEY: Final = ("agrees", "live_outcome", "outcome", "live_rule_id", "rule_id", "live_reason", "reason")
_COLUMNS: Final = ", ".join(_KEY)
_SEEN: Final = """
FROM shadow_results
WHERE organization_id = {} AND mode = {} AND version_id = {} AND decided_at >= {} AND decided_at < {}
"""


async def compare(organization_id: str, mode: Mode, version_id: str, period: Period) -> list[Compared]:
    """Every decision of the period that the version looked on at, added up; the most frequent first."""
    found = await rows(
        f"""
        SELECT {_COLUMNS}, currency, count(*) AS count, sum(amount_cents) AS amount_cents,
            count(*) FILTER (WHERE surface_mode = 'enforce') AS enforced, max(decision_id) AS newest
        {_SEEN} GROUP BY {_COLUMNS}, currency ORDER BY currency
        """,
        organization_id,
        mode,
        version_id,
        *period,
    )
    groups: defaultdict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for part in found:
        groups[tuple(part[column] for column in _KEY)].append(part)
    compared = [_compared(key, parts) for key, parts in groups.items()]
    return sorted(compared, key=lambda group: (-group.count, group.newest))


async def decided_elsewhere(organization_id: str, mode: Mode, version_id: str, period: Period) -> int:
    """How many of the decisions that do not agree would stay: a control made them, or another policy that goes first.

    The stricter one does; of two that both ask people, the one whose name comes first says whom.
    """
    found = await rows(
        """
        SELECT count(*) AS count FROM shadow_results s
        JOIN decisions d ON d.id = s.decision_id LEFT JOIN policy_versions v ON v.id = s.live_version_id
        WHERE s.organization_id = {} AND s.mode = {} AND s.version_id = {} AND s.decided_at >= {} AND s.decided_at < {}
            AND NOT s.agrees AND (starts_with(d.matched_rule, 'control:')
                OR (v.slug <> s.slug OR v.content_hash <> d.policy_hash)
                AND (array_position(ARRAY['allow', 'review', 'deny'], d.evaluation ->> 'outcome')
                        > array_position(ARRAY['allow', 'review', 'deny'], s.outcome)
                    OR d.evaluation ->> 'outcome' = 'review' AND s.outcome = 'review'
                        AND d.evaluation ->> 'policy_slug' COLLATE "C" < s.slug COLLATE "C"))
        """,
        organization_id,
        mode,
        version_id,
        *period,
    )
    return int(found[0]["count"])


async def diff_view(
    organization_id: str, mode: Mode, shown: VersionSummary, period: Period, style: OutcomeStyle
) -> VersionDiff:
    """The comparison as people see it."""
    compared = await compare(organization_id, mode, shown.id, period)
    examples = await _examples(organization_id, mode, shown.id, period)
    total, agreed = sum(group.count for group in compared), sum(group.count for group in compared if group.agrees)
    return VersionDiff(
        slug=shown.slug,
        version=shown.version,
        name=shown.name,
        mode=mode,
        live=await active_version(organization_id, shown.slug),
        live_versions=await _live_versions(organization_id, mode, shown.id, period),
        since=period.since,
        until=period.until,
        compared=total,
        agreed=agreed,
        agreement_rate=agreed / total if total else None,
        changes=[_group(group, examples[group.key], style) for group in compared if not group.agrees],
        # What agrees is most of the traffic: one example each costs no sort.
        agreeing=[_group(group, [group.newest], style) for group in compared if group.agrees],
    )


def _compared(key: tuple[Any, ...], parts: Sequence[Mapping[str, Any]]) -> Compared:
    found = {
        **dict(zip(_KEY, key, strict=True)),
        "count": sum(part["count"] for part in parts),
        "amount": {part["currency"]: part["amount_cents"] for part in parts},
        "enforced": sum(part["enforced"] for part in parts),
        "newest": max(part["newest"] for part in parts),
    }
    return msgspec.convert(found, Compared)


async def _examples(
    organization_id: str, mode: Mode, version_id: str, period: Period
) -> dict[tuple[Any, ...], list[str]]:
    """The newest decisions of each group that does not agree."""
    found = await rows(
        f"""
        SELECT * FROM (
            SELECT {_COLUMNS}, decision_id,
                row_number() OVER (PARTITION BY {_COLUMNS} ORDER BY decided_at DESC, decision_id DESC) AS place
            {_SEEN} AND NOT agrees
        ) AS placed WHERE place <= {EXAMPLES} ORDER BY place
        """,  # noqa: S608 - only constants are spliced in
        organization_id,
        mode,
        version_id,
        *period,
    )
    examples: defaultdict[tuple[Any, ...], list[str]] = defaultdict(list)
    for example in found:
        examples[tuple(example[column] for column in _KEY)].append(example["decision_id"])
    return examples


async def _live_versions(organization_id: str, mode: Mode, version_id: str, period: Period) -> list[str]:
    """Names, lowest first; empty where no version of the policy was in force."""
    found = await rows(
        f"""
        SELECT version FROM policy_versions WHERE id IN (SELECT DISTINCT live_version_id {_SEEN}) ORDER BY version
        """,  # noqa: S608 - only constants are spliced in
        organization_id,
        mode,
        version_id,
        *period,
    )
    return [f"v{live['version']}" for live in found]


def _group(compared: Compared, examples: list[str], style: OutcomeStyle) -> OutcomeGroup:
    return OutcomeGroup(
        live_outcome=word(compared.live_outcome, style),
        outcome=word(compared.outcome, style),
        live_rule=compared.live_rule_id,
        rule=compared.rule_id,
        live_reason=compared.live_reason,
        reason=compared.reason,
        count=compared.count,
        amount=exact(compared.amount),
        examples=examples,
    )
