"""What the API says of how far the versions that look on agree at one surface, day by day."""

from datetime import date

import msgspec


class AgreementOfDay(msgspec.Struct, frozen=True):
    """The decisions of one day in UTC; no rate where nothing was compared."""

    date: date
    decisions: int
    agreed: int
    rate_percent: float | None = None


class AgreementOfVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version that looked on."""

    slug: str
    version: int
    status: str
    decisions: int
    agreed: int
    rate_percent: float | None = None


class AgreementGuard(msgspec.Struct, frozen=True, kw_only=True):
    """What going to enforce is measured by: so many times 24 hours up to now."""

    days: int
    needed_percent: int
    decisions: int
    agreed: int
    suffices: bool
    rate_percent: float | None = None


class SurfaceAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """`series` begins with the oldest day and leaves none out."""

    surface: str
    days: int
    decisions: int
    agreed: int
    series: tuple[AgreementOfDay, ...]
    versions: tuple[AgreementOfVersion, ...]
    guard: AgreementGuard
    rate_percent: float | None = None
