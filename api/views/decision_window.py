"""The decisions that count in one window at this moment, and what they add up to: what its budget says is used."""

from typing import NamedTuple

import msgspec

from api.errors import InvalidBody
from axiru.database import row
from axiru.domain.decision import SurfaceMode
from axiru.domain.movement import Mode
from ledger.acts.counting import Counted, counted_in
from policies.windows import Measure, Per, WindowSpec


class WindowView(msgspec.Struct, frozen=True, kw_only=True):
    """Which window it is, and what it holds over all pages. `*_units` as a budget has them: movements if it counts."""

    measure: Measure
    per: Per
    subject: str | None
    rail: str
    rail_actions: list[str]
    asset: str | None
    window_seconds: int
    surface_mode: SurfaceMode
    reserved_units: str
    committed_units: str
    used_units: str
    decisions: int


class WindowWanted(NamedTuple):
    """The window of one subject; None is the organization's own."""

    window: WindowSpec
    subject: str | None
    surface_mode: SurfaceMode

    @classmethod
    def of(cls, name: str, subject: str | None, surface_mode: SurfaceMode | None) -> "WindowWanted":
        """`name` is the `window` of a budget. Raises InvalidBody."""
        try:
            window = WindowSpec.of_name(name)
        except ValueError as error:
            raise InvalidBody.single("window", "malformed", "This is not the `window` of a budget.") from error
        if (subject is None) is not (window.per == "organization"):
            message = "This window is the organization's own." if subject else f"Name the {window.per} whose it is."
            raise InvalidBody.single("subject", "not_allowed" if subject else "missing", message)
        return cls(window, subject, surface_mode or "enforce")

    def counted(self, organization_id: str, mode: Mode) -> Counted:
        """The movements that count now."""
        subjects = None if self.subject is None else [self.subject]
        return counted_in(self.window, organization_id, mode, surface_mode=self.surface_mode, subjects=subjects)

    async def held(self, organization_id: str, mode: Mode) -> WindowView:
        measured = "sum(units)" if self.window.measure == "sum" else "count(*)"
        sql, arguments = self.counted(organization_id, mode)
        found = await row(
            f"SELECT count(*) AS decisions, coalesce({measured} FILTER (WHERE state = 'reserved'), 0)::numeric AS r, "  # noqa: S608
            f"coalesce({measured} FILTER (WHERE state = 'committed'), 0)::numeric AS c FROM movements WHERE {sql}",
            *arguments,
        )
        reserved, committed, decisions = (found["r"], found["c"], found["decisions"]) if found else (0, 0, 0)
        window = self.window
        return WindowView(
            measure=window.measure,
            per=window.per,
            subject=self.subject,
            rail=window.rail,
            rail_actions=list(window.rail_actions),
            asset=window.asset,
            window_seconds=window.within_seconds,
            surface_mode=self.surface_mode,
            reserved_units=str(reserved),
            committed_units=str(committed),
            used_units=str(reserved + committed),
            decisions=decisions,
        )
