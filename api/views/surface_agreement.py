"""How far the versions that look on at one surface agree with what counted there, day by day."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import msgspec

from axiru.database import rows
from axiru.domain.movement import Mode
from ledger.acts.surface import AGREEMENT_DAYS, AGREEMENT_PERCENT, Agreement, read_agreement


class AgreementOfDay(msgspec.Struct, frozen=True):
    """The decisions of one day in UTC; the rate is null where nothing was compared."""

    date: date
    decisions: int
    agreed: int
    rate_percent: float | None


class AgreementOfVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version that looked on. `status` is its present one."""

    slug: str
    version: int
    status: str
    content_hash: str
    decisions: int
    agreed: int
    rate_percent: float | None


class AgreementGuard(msgspec.Struct, frozen=True, kw_only=True):
    """What going to enforce is measured by: so many times 24 hours up to now, not whole days."""

    days: int
    needed_percent: int
    decisions: int
    agreed: int
    rate_percent: float | None
    suffices: bool


class SurfaceAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """Of `days` days in UTC, today among them, those without a comparison too; `series` begins with the oldest.

    A decision agrees if every version that looked on would have made it alike.
    """

    surface: str
    stripe_connection_id: str | None
    mode: Mode
    days: int
    decisions: int
    agreed: int
    rate_percent: float | None
    series: list[AgreementOfDay]
    versions: list[AgreementOfVersion]
    guard: AgreementGuard


_COMPARED: Final = """
FROM shadow_results s
WHERE s.organization_id = {} AND s.mode = {} AND s.rail = {} AND s.rail_action = {} AND s.decided_at >= {}
    AND ({}::text IS NULL OR EXISTS (
        SELECT FROM decisions d WHERE d.id = s.decision_id AND d.stripe_connection_id = {}))
"""
_BY_DAY: Final = f"""
SELECT day, count(*) AS decisions, count(*) FILTER (WHERE agreed) AS agreed FROM (
    SELECT (min(s.decided_at) AT TIME ZONE 'UTC')::date AS day, bool_and(s.agrees) AS agreed {_COMPARED}
    GROUP BY s.decision_id
) compared GROUP BY day
"""  # noqa: S608 - the constant above
_BY_VERSION: Final = f"""
SELECT v.slug, v.version, v.status, v.content_hash, counted.decisions, counted.agreed FROM (
    SELECT s.version_id, count(*) AS decisions, count(*) FILTER (WHERE s.agrees) AS agreed {_COMPARED}
    GROUP BY s.version_id
) counted JOIN policy_versions v ON v.id = counted.version_id ORDER BY v.slug, v.version DESC
"""  # noqa: S608 - the constant above


async def surface_agreement(
    organization_id: str, mode: Mode, surface: str, stripe_connection_id: str | None, *, days: int, now: datetime
) -> SurfaceAgreement:
    rail, _, rail_action = surface.partition(".")
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=days - 1)
    since = datetime.combine(first, time(), UTC)
    of = (organization_id, mode, rail, rail_action, since, stripe_connection_id, stripe_connection_id)
    by_day = {found["day"]: Agreement(found["decisions"], found["agreed"]) for found in await rows(_BY_DAY, *of)}
    total = Agreement(sum(one.decisions for one in by_day.values()), sum(one.agreed for one in by_day.values()))
    guard = await read_agreement(organization_id, mode, rail, rail_action, stripe_connection_id, until=now)
    return SurfaceAgreement(
        surface=surface,
        stripe_connection_id=stripe_connection_id,
        mode=mode,
        days=days,
        decisions=total.decisions,
        agreed=total.agreed,
        rate_percent=total.rate_percent,
        series=[
            _day(day, by_day.get(day, Agreement(0, 0))) for day in (first + timedelta(days=n) for n in range(days))
        ],
        versions=[_version(found) for found in await rows(_BY_VERSION, *of)],
        guard=AgreementGuard(
            days=AGREEMENT_DAYS,
            needed_percent=AGREEMENT_PERCENT,
            decisions=guard.decisions,
            agreed=guard.agreed,
            rate_percent=guard.rate_percent,
            suffices=guard.suffices,
        ),
    )


def _day(day: date, agreement: Agreement) -> AgreementOfDay:
    return AgreementOfDay(day, agreement.decisions, agreement.agreed, agreement.rate_percent)


def _version(found: dict[str, Any]) -> AgreementOfVersion:
    rate = Agreement(found["decisions"], found["agreed"]).rate_percent
    return AgreementOfVersion(**found, rate_percent=rate)
