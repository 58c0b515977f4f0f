"""Where a version stands: in force, looking on, deciding a share, or retired."""

from nicegui.element import Element

from console.components.badge import Look, badge
from console.policy_views import VersionSummary


def version_look(version: VersionSummary) -> Look:
    if version.status == "active":
        return Look("Live", "check-circle", "done")
    if version.status == "retired":
        return Look("Retired", "pause", "neutral")
    if version.canary_percent:
        return Look(f"Canary, {version.canary_percent} %", "eye", "busy-still")
    return Look("Shadow", "eye", "neutral")


def version_badge(version: VersionSummary) -> Element:
    look = version_look(version)
    return badge(look.label, look.tone, look.icon)


def agreement_text(rate: float | None, compared: int | None) -> str:
    """`96.4 % of 1,204 decisions in 7 days agree`. Never rounded up to 100 %, which would say that nothing differs."""
    if rate is None or not compared:
        return "nothing compared yet"
    return f"{rate_text(rate)} of {compared:,} {'decision' if compared == 1 else 'decisions'} in 7 days agree"


def rate_text(rate: float) -> str:
    """In per cent to one decimal, rounded down."""
    tenths = int(rate * 1000 + 1e-9)
    return f"{tenths / 10:.1f} %" if tenths % 10 else f"{tenths // 10} %"
