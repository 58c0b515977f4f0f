"""What the windows of budgets hold, by subject: one statement, bounded by the windows and not by history."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from api.errors import InvalidBody
from axiru.database import rows
from axiru.domain.decision import SurfaceMode
from axiru.domain.movement import Mode
from ledger.acts.counting import COLUMN_OF, counted_in
from ledger.acts.standing import VersionInForce
from policies.budgets import Budget
from policies.windows import Per


class BudgetsWanted(NamedTuple):
    """Which of an organization's budgets are asked for. None is all."""

    organization_id: str
    mode: Mode
    per: Per | None = None
    subject: str | None = None
    rail: str | None = None
    policy: str | None = None
    surface_mode: SurfaceMode | None = None


class Place(NamedTuple):
    """The place after one row: by millionths of the ceiling that are used, descending, then by what the row is."""

    used: int
    key: str
    subject: str
    surface_mode: str

    def text(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode([str(self.used), *self[1:]])).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Raises InvalidBody for what `text()` did not make."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            used, *rest = msgspec.json.decode(raw, type=tuple[str, str, str, str])
            if not (used.isascii() and used.isdigit()) or "\x00" in "".join(rest):
                raise ValueError(text)
            return cls(int(used), *rest)
        except (ValueError, binascii.Error, msgspec.DecodeError) as error:
            raise InvalidBody.single("cursor", "malformed", "This is not a cursor of this list.") from error


class BudgetInForce(NamedTuple):
    """`key` names it among all: a version of a policy, and the position of the budget in it.

    Rows are there for `subjects`, None for any that moved, and for `shown` even if nothing moved.
    """

    key: str
    version: VersionInForce
    budget: Budget
    subjects: tuple[str, ...] | None = None
    shown: tuple[str, ...] = ()


async def used_budgets(
    wanted: BudgetsWanted, in_force: Sequence[BudgetInForce], after: Place | None, limit: int
) -> list[dict[str, Any]]:
    """One range of an index for each window, however many budgets it has."""
    windows = {each.budget.window.name: each for each in in_force}
    counted = [window_query(name, each, wanted) for name, each in windows.items()]
    place = after or Place(0, "", "", "")
    return await rows(
        _PAGE.replace("(windows)", " UNION ALL ".join(sql for sql, _ in counted)),
        *(argument for _, arguments in counted for argument in arguments),
        msgspec.json.encode(
            [
                {
                    "key": each.key,
                    "window": each.budget.window.name,
                    "per": each.budget.window.per,
                    "ceiling": str(each.budget.ceiling),
                    "subjects": each.subjects,
                    "shown": each.shown,
                }
                for each in in_force
            ]
        ).decode(),
        wanted.surface_mode or "enforce",
        after is None,
        str(place.used),
        str(place.used),
        place.key,
        place.subject,
        place.surface_mode,
        limit,
        wanted.organization_id,
    )


def window_query(name: str, in_force: BudgetInForce, wanted: BudgetsWanted) -> tuple[str, list[Any]]:
    """The rows of one window by subject: bounded by its time, so that older history costs nothing."""
    window = in_force.budget.window
    column = "''::text" if window.per == "organization" else COLUMN_OF[window.per]
    measured = "sum(units)" if window.measure == "sum" else "count(*)"
    subjects = in_force.subjects if wanted.subject is not None else None
    sql, arguments = counted_in(
        window, wanted.organization_id, wanted.mode, surface_mode=wanted.surface_mode, subjects=subjects or None
    )
    # Every name spliced in comes from closed tables; what was asked for goes in as an argument.
    grouped = f"FROM movements WHERE {sql} GROUP BY surface_mode, {column}"
    measuring = _MEASURED.replace("(subject)", column).replace("(measured)", measured)
    return measuring + grouped, [name, float(window.within_seconds), *arguments]


_MEASURED: Final = """
SELECT {}::text AS "window", surface_mode, (subject)::text AS subject,
    coalesce((measured) FILTER (WHERE state = 'reserved'), 0)::numeric AS reserved,
    coalesce((measured) FILTER (WHERE state = 'committed'), 0)::numeric AS committed,
    min(moved_at) + make_interval(secs => {}) AS next_release_at
"""


_PAGE: Final = """
WITH used AS ((windows)),
budgets AS (
    SELECT key, "window", per, ceiling::numeric AS ceiling, subjects, shown
    FROM jsonb_to_recordset({}::jsonb) AS b (key text, "window" text, per text, ceiling text, subjects text[],
        shown text[])
),
unused AS (
    SELECT b.*, s.subject, {}::text AS surface_mode FROM budgets b, unnest(b.shown) AS s (subject)
),
shown AS (
    SELECT b.key, b.per, b.ceiling, u.surface_mode, u.subject, u.reserved, u.committed, u.next_release_at
    FROM budgets b JOIN used u USING ("window") WHERE b.subjects IS NULL OR u.subject = ANY(b.subjects)
    UNION ALL
    SELECT n.key, n.per, n.ceiling, n.surface_mode, n.subject, 0, 0, NULL FROM unused n
    WHERE NOT EXISTS (SELECT FROM used u WHERE u."window" = n."window" AND u.subject = n.subject
        AND u.surface_mode = n.surface_mode)
),
placed AS (
    SELECT s.*, CASE WHEN ceiling = 0 THEN 1000000 ELSE div((reserved + committed) * 1000000, ceiling) END AS used
    FROM shown s
),
page AS (
    SELECT * FROM placed
    WHERE {}::boolean OR used < {}::numeric OR (used = {}::numeric AND (key, subject, surface_mode) > ({}, {}, {}))
    ORDER BY used DESC, key, subject, surface_mode LIMIT {}
)
SELECT p.key, p.subject, p.surface_mode, p.reserved, p.committed, p.next_release_at, p.used, a.name FROM page p
LEFT JOIN LATERAL (SELECT name FROM agents WHERE p.per = 'initiator' AND organization_id = {}
    AND lower(btrim(agent_id)) = lower(btrim(p.subject)) LIMIT 1) a ON true
ORDER BY p.used DESC, p.key, p.subject, p.surface_mode
"""
