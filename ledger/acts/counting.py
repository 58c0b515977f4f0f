"""Which movements a window counts: the one condition by which decisions, budgets and lists read them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from axiru.domain.decision import SurfaceMode
from axiru.domain.movement import Mode
from policies.windows import WindowSpec

COLUMN_OF: Final = {
    "initiator": "initiator_id",
    "counterparty": "counterparty_id",
    "customer": "customer_id",
    "merchant": "merchant_id",
    "charge": "charge",
}
"""The column of `movements` that holds whose window it is."""


class Counted(NamedTuple):
    """A condition on rows of `movements`, and its arguments."""

    sql: str
    arguments: list[Any]


def counted_in(
    window: WindowSpec,
    organization_id: str,
    mode: Mode,
    *,
    surface_mode: SurfaceMode | None = None,
    subjects: Sequence[str] | None = None,
    now: datetime | None = None,
) -> Counted:
    """Reserved and committed movements within the window at `now`, None being the statement's own time.

    None of `subjects` is whosever they are; of `surface_mode` both, which are never added up.
    """
    conditions = ["organization_id = {}", "mode = {}"]
    arguments: list[Any] = [organization_id, mode]
    if surface_mode is None:
        conditions.append("surface_mode IN ('enforce', 'shadow')")
    else:
        conditions.append("surface_mode = {}")
        arguments.append(surface_mode)
    if now is None:
        conditions.append("moved_at > statement_timestamp() - make_interval(secs => {})")
    else:
        conditions.append("moved_at > {}::timestamptz - make_interval(secs => {})")
        arguments.append(now)
    conditions += ["state <> 'released'", "rail = {}"]
    arguments += [float(window.within_seconds), window.rail]
    if window.rail_actions:
        conditions.append("rail_action = ANY({}::text[])")
        arguments.append(list(window.rail_actions))
    if window.asset is not None:
        conditions.append("asset = ANY({}::text[])")
        arguments.append(sorted(window.assets))
    if window.per != "organization":
        column = COLUMN_OF[window.per]
        if subjects is None:
            conditions.append(f"{column} <> ''")
        elif len(subjects) == 1:
            conditions.append(f"{column} = {{}}")
            arguments.append(subjects[0])
        else:
            conditions.append(f"{column} = ANY({{}}::text[])")
            arguments.append(list(subjects))
    # Every name spliced in comes from the closed tables here; what the request says goes in as an argument.
    return Counted(" AND ".join(conditions), arguments)
