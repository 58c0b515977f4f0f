"""What the API says of budgets, as the console reads it; see `console.views` for the rules."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from axiru.domain.decision import SurfaceMode

Units = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+$")]
Per = Literal["initiator", "counterparty", "customer", "charge", "merchant", "organization"]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Which movements are counted together, and as how much; `subject` None is the organization itself.

    Units of the asset, or movements where they count. `used_units` can pass a ceiling: where people approved, and where
    a policy was tightened.
    """

    measure: Literal["sum", "count"]
    per: Per
    rail: str
    window_seconds: int
    reserved_units: Units
    committed_units: Units
    used_units: Units
    surface_mode: SurfaceMode
    subject: str | None = None
    asset: str | None = None
    rail_actions: tuple[str, ...] = ()


class WindowOfDecisions(Window, frozen=True, kw_only=True):
    """What a window holds, and of how many decisions."""

    decisions: int


class Budget(Window, frozen=True, kw_only=True):
    """One budget of one subject; `window` is what the list of decisions knows it by."""

    policy: str
    version: int
    rule_id: str
    effect: str
    window: str
    ceiling_units: Units
    remaining_units: Units
    used_percent: int
    subject_name: str | None = None
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
