"""`/api/v1/policies/{slug}/versions/{n}/diff` and `/promotion`: what a version would have changed, and would change."""

from datetime import UTC, datetime
from typing import Any

from litestar import Request, get

from api.auth import Caller, requires
from api.intake.vocabulary import style_for
from api.openapi import BEARER
from api.permissions import Permission
from api.services import services_of
from api.views.page import ModeFilter
from api.views.period import Period, SinceText, UntilText
from api.views.policies_beside import policies_beside
from api.views.policy_diff import VersionDiff, compare, decided_elsewhere, diff_view
from api.views.policy_promotion import PromotionView, promotion_view
from api.views.policy_version import find_version


@get("/api/v1/policies/{slug:str}/versions/{version:int}/diff", guards=[requires(Permission.READ)], security=BEARER)
async def diff_version(
    request: Request[Caller, Any, Any],
    slug: str,
    version: int,
    since: SinceText = None,
    until: UntilText = None,
    mode: ModeFilter = None,
) -> VersionDiff:
    """The live answers beside the version's, wherever it looked on: by rule, reason and amount, with examples."""
    caller = request.user
    period = Period.parse(since, until, now=datetime.now(UTC))
    shown = await find_version(caller.organization_id, slug, version)
    return await diff_view(caller.organization_id, caller.shown_mode(mode), shown, period, style_for(request))


@get(
    "/api/v1/policies/{slug:str}/versions/{version:int}/promotion", guards=[requires(Permission.READ)], security=BEARER
)
async def preview_promotion(
    request: Request[Caller, Any, Any],
    slug: str,
    version: int,
    since: SinceText = None,
    until: UntilText = None,
    mode: ModeFilter = None,
) -> PromotionView:
    """What would change if the version were activated, as sentences, counts and amounts."""
    caller = request.user
    seen_in = caller.shown_mode(mode)
    period = Period.parse(since, until, now=datetime.now(UTC))
    shown = await find_version(caller.organization_id, slug, version)
    whose = (caller.organization_id, seen_in, shown.id, period)
    beside = await policies_beside(caller.organization_id, shown.id, services_of(request).compiled)
    return promotion_view(seen_in, shown, period, await compare(*whose), await decided_elsewhere(*whose), beside)
