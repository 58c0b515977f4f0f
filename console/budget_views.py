"""What the API says of budgets, as the console reads it; see `console.views` for the rules."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from axiru.domain.decision import SurfaceMode

Units = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+$")]
Per = Literal["initiator", "counterparty", "customer", "charge", "merchant", "organization"]


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """One budget of one subject; None is the organization itself. Units of the asset, or movements where they count.

    `used_units` can pass the ceiling: where people approved, and where a policy was tightened.
    """

    policy: str
    version: int
    rule_id: str
    effect: str
    measure: Literal["sum", "count"]
    per: Per
    rail: str
    window_seconds: int
    ceiling_units: Units
    reserved_units: Units
    committed_units: Units
    used_units: Units
    remaining_units: Units
    used_percent: int
    surface_mode: SurfaceMode
    subject: str | None = None
    subject_name: str | None = None
    asset: str | None = None
    rail_actions: tuple[str, ...] = ()
    next_release_at: datetime | None = None
    when_else: tuple[str, ...] = ()

    @property
    def used_up(self) -> bool:
        return int(self.remaining_units) == 0


class BudgetPage(msgspec.Struct, frozen=True, kw_only=True):
    """Most used first; people are told of a budget at `alert_percent` of it."""

    items: tuple[Budget, ...]
    next_cursor: str | None = None
    alert_percent: int = 80
