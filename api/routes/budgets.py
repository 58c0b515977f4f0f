"""`/api/v1/budgets`: what the rolling windows of policies in force hold, and what is left."""

from typing import Annotated, Any

from litestar import Request, get
from litestar.params import QueryParameter

from api.auth import Caller, requires
from api.errors import InvalidBody
from api.openapi import BEARER
from api.permissions import Permission
from api.services import services_of
from api.views.budget import BudgetPage, find_budgets
from api.views.budget_use import BudgetsWanted, Place
from api.views.page import Limit, ModeFilter
from axiru.domain.decision import SurfaceMode
from axiru.domain.movement import folded_agent
from policies.windows import Per

PerFilter = Annotated[Per | None, QueryParameter(name="per", description="Whose windows")]
SubjectFilter = Annotated[
    str | None,
    QueryParameter(
        name="subject",
        min_length=1,
        max_length=255,
        pattern=r"^[^\x00]*$",
        description="An agent's id, an account, …; with `per`, shown even if nothing moved",
    ),
]
RailFilter = Annotated[str | None, QueryParameter(name="rail", max_length=64)]
PolicyFilter = Annotated[str | None, QueryParameter(name="policy", max_length=64, description="A policy's slug")]
SurfaceModeFilter = Annotated[SurfaceMode | None, QueryParameter(name="surface_mode")]
BudgetCursor = Annotated[
    str | None, QueryParameter(name="cursor", max_length=2_000, description="`next_cursor` of the page before")
]


@get("/api/v1/budgets", guards=[requires(Permission.READ)], security=BEARER)
async def list_budgets(
    request: Request[Caller, Any, Any],
    *,
    mode: ModeFilter = None,
    per: PerFilter = None,
    subject: SubjectFilter = None,
    rail: RailFilter = None,
    policy: PolicyFilter = None,
    surface_mode: SurfaceModeFilter = None,
    limit: Limit = 50,
    cursor: BudgetCursor = None,
) -> BudgetPage:
    """Each budget of each subject that moved within its window, and of the organization itself; most used first."""
    caller = request.user
    per, subject = _own(caller, per, subject)
    wanted = BudgetsWanted(
        organization_id=caller.organization_id,
        mode=caller.shown_mode(mode),
        per=per,
        subject=subject,
        rail=rail,
        policy=policy,
        surface_mode=surface_mode,
    )
    after = Place.parse(cursor) if cursor is not None else None
    return await find_budgets(wanted, after=after, limit=limit, compiled=services_of(request).compiled)


def _own(caller: Caller, per: Per | None, subject: str | None) -> tuple[Per | None, str | None]:
    """A key that is for one agent is shown that agent's budgets, and nobody else's. Raises InvalidBody."""
    agent_id = caller.agent_id
    if agent_id is None:
        return per, subject
    if per not in {None, "initiator"}:
        raise InvalidBody.single("per", "not_allowed", f"This key asks for the agent {agent_id} only.")
    if subject is not None and folded_agent(subject) != folded_agent(agent_id):
        raise InvalidBody.single("subject", "not_allowed", f"This key asks for the agent {agent_id} only.")
    return "initiator", agent_id
