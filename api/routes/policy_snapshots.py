"""`/api/v1/policy-snapshots/{content_hash}`: the text behind a hash that the ledger holds, whatever became of it."""

from typing import Any

from litestar import Request, get

from api.auth import Caller, requires
from api.errors import NotFound
from api.openapi import BEARER
from api.permissions import Permission
from api.services import services_of
from api.views.policy_version import VersionView, version_view
from axiru.database import row


@get("/api/v1/policy-snapshots/{content_hash:str}", guards=[requires(Permission.READ)], security=BEARER)
async def get_policy_snapshot(request: Request[Caller, Any, Any], content_hash: str) -> VersionView:
    """The version of this hash; of several with the same content, the one published last."""
    organization_id = request.user.organization_id
    found = await row(
        "SELECT slug, version FROM policy_versions WHERE organization_id = {} AND content_hash = {} "
        "ORDER BY created_at DESC LIMIT 1",
        organization_id,
        content_hash,
    )
    if found is None:
        raise NotFound
    return await version_view(organization_id, found["slug"], found["version"], services_of(request).compiler)
