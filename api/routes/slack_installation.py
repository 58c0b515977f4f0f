"""`/api/v1/slack`: the workspace of an organization, and which Slack user its members are."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, delete, get, post, put
from msgspec import Meta

from api.auth import Caller, InsufficientScope, requires
from api.errors import InvalidBody
from api.fields import decode
from api.json_body import read_object
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.views.people import Person
from axiru.database import row
from axiru.errors import AxiruError
from axiru.slack.web_api import SlackWebApi
from ledger.acts.slack import install_slack, issue_link_code, remove_slack, unlink_slack

CODES_A_MINUTE: Final = 10


class SlackOutOfReach(AxiruError):
    """Slack did not answer, so nobody knows whose token this is. Nothing was changed."""

    code = "conflict"


class SlackBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The workspace, the channel approvals are posted to, and the app's bot token for that workspace."""

    team_id: Annotated[str, Meta(pattern="^[A-Z0-9_]{2,40}$(?!\\n)")]
    channel_id: Annotated[str, Meta(pattern="^[A-Z0-9_]{2,40}$(?!\\n)")]
    bot_token: Annotated[str, Meta(min_length=1, max_length=500, pattern="^xoxb-[!-~]+$(?!\\n)")]


class SlackView(msgspec.Struct, frozen=True, kw_only=True):
    """The installation; all null where there is none. The bot token is never told."""

    team_id: str | None = None
    channel_id: str | None = None
    installed_at: datetime | None = None
    installed_by: Person | None = None


class LinkCodeView(msgspec.Struct, frozen=True):
    """Typed as `/axiru link CODE` before `expires_at`, it links that Slack user to whoever asked for it. Shown once."""

    code: str
    expires_at: datetime


class SlackLinkView(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's own Slack user; all null where none is linked."""

    team_id: str | None = None
    slack_user_id: str | None = None
    linked_at: datetime | None = None


@get("/api/v1/slack", guards=[requires(Permission.WEBHOOKS)], security=BEARER)
async def get_slack(request: Request[Caller, Any, Any]) -> SlackView:
    """The workspace the organization is installed in."""
    return await _view(request.user.organization_id)


@put(
    "/api/v1/slack",
    guards=[requires(Permission.WEBHOOKS)],
    status_code=200,
    operation_class=taking(SlackBody),
    security=BEARER,
)
async def put_slack(request: Request[Caller, Any, Any]) -> SlackView:
    """Install, in place of what was installed before. Slack is asked whether the token is of that workspace."""
    caller, services = request.user, services_of(request)
    body = decode(await read_object(request), SlackBody)
    tested = await SlackWebApi(services.settings, body.bot_token).call("auth.test", {})
    match tested.outcome:
        case "away":
            raise SlackOutOfReach("Slack did not answer; nothing was changed. Try again shortly.", state="slack_away")
        case "refused":
            raise InvalidBody.single("bot_token", "invalid", f"Slack does not take this token: {tested.error}.")
        case "ok" if tested.body.get("team_id") != body.team_id:
            raise InvalidBody.single("team_id", "invalid", "This token is of another workspace.")
        case _:
            pass
    await install_slack(
        organization_id=caller.organization_id,
        by_member_id=caller.member_id,
        team_id=body.team_id,
        channel_id=body.channel_id,
        bot_token=body.bot_token,
        vault=services.vault,
        signer=services.signer,
    )
    return await _view(caller.organization_id)


@delete("/api/v1/slack", guards=[requires(Permission.WEBHOOKS)], security=BEARER)
async def delete_slack(request: Request[Caller, Any, Any]) -> None:
    """Post nothing there any more, and take no vote from there."""
    caller = request.user
    await remove_slack(
        organization_id=caller.organization_id, by_member_id=caller.member_id, signer=services_of(request).signer
    )


@post("/api/v1/slack/link-codes", guards=[requires(Permission.READ)], status_code=201, security=BEARER)
async def create_link_code(request: Request[Caller, Any, Any]) -> LinkCodeView:
    """A code for the member who is logged in; it is good once and for ten minutes."""
    caller = _logged_in(request.user)
    await services_of(request).rate_limit.hit(f"slack/codes/{caller.member_id}", per_minute=CODES_A_MINUTE)
    issued = await issue_link_code(organization_id=caller.organization_id, member_id=caller.member_id)
    return LinkCodeView(issued.code, issued.expires_at)


@get("/api/v1/slack/link", guards=[requires(Permission.READ)], security=BEARER)
async def get_slack_link(request: Request[Caller, Any, Any]) -> SlackLinkView:
    """The Slack user that the caller linked."""
    caller = _logged_in(request.user)
    found = await row(
        "SELECT team_id, slack_user_id, linked_at FROM slack_links WHERE organization_id = {} AND member_id = {} "
        "AND unlinked_at IS NULL",
        caller.organization_id,
        caller.member_id,
    )
    return SlackLinkView(**found) if found else SlackLinkView()


@delete("/api/v1/slack/link", guards=[requires(Permission.READ)], security=BEARER)
async def delete_slack_link(request: Request[Caller, Any, Any]) -> None:
    """End the caller's link; their Slack user is nobody here any more."""
    caller = _logged_in(request.user)
    await unlink_slack(
        organization_id=caller.organization_id, member_id=caller.member_id, signer=services_of(request).signer
    )


def _logged_in(caller: Caller) -> Caller:
    """Who has a key has not shown that they are the member it acts for."""
    if caller.api_key_id is not None:
        raise InsufficientScope("session", "Only a person who is logged in does this, not a key.")
    return caller


async def _view(organization_id: str) -> SlackView:
    found = await row(
        """
        SELECT i.team_id, i.channel_id, i.installed_at, i.installed_by, m.name FROM slack_installations i
        LEFT JOIN members m ON m.id = i.installed_by WHERE i.organization_id = {} AND i.removed_at IS NULL
        """,
        organization_id,
    )
    if found is None:
        return SlackView()
    return SlackView(
        team_id=found["team_id"],
        channel_id=found["channel_id"],
        installed_at=found["installed_at"],
        installed_by=Person(found["installed_by"], found["name"] or found["installed_by"]),
    )
