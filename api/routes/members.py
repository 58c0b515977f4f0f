"""`/api/v1/members`: who is there, who is let in, and with which roles. An admin never chooses anybody's password."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, get, patch, post
from msgspec import Meta

from api.auth import Caller, require_person, requires
from api.fields import decode
from api.json_body import read_object, read_optional_object
from api.live_reach import may_reach_live
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import Services, services_of
from api.views.member import MemberList, MemberView, find_member, find_members
from ledger.acts.member import MemberChanges, change_member, choose_notification, invite
from ledger.acts.password import PasswordLink, issue_link

_PRINTABLE: Final = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
_EMAIL: Final = r"^\s*[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+\s*$"

RoleName = Literal["viewer", "support", "finance_manager", "controller", "admin", "agent_owner", "auditor"]
Roles = Annotated[list[RoleName], Meta(min_length=1, max_length=16)]
PersonName = Annotated[str, Meta(min_length=1, max_length=100, pattern=_PRINTABLE)]


class InviteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody who sets their own password by the link in the answer."""

    email: Annotated[str, Meta(min_length=3, max_length=254, pattern=_EMAIL)]
    name: PersonName
    roles: Roles


class ChangeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to change; what is left out stays. `unlock` ends a lock-out before its time."""

    name: PersonName | None = None
    roles: Roles | None = None
    disabled: bool | None = None
    unlock: bool = False
    notify_by_email: bool | None = None


class OwnChangeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a member says about themselves."""

    notify_by_email: bool | None = None


class EmptyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing has to be said."""


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """`password_link` is a secret: whoever opens it first sets the password. It cannot be shown again."""

    password_link: str
    expires_at: datetime


class Invited(LinkView, frozen=True, kw_only=True):
    member: MemberView


@get("/api/v1/members", guards=[requires(Permission.READ)], security=BEARER)
async def list_members(request: Request[Caller, Any, Any]) -> MemberList:
    """Everybody, those who were disabled too."""
    return await find_members(request.user)


@post(
    "/api/v1/members",
    guards=[requires(Permission.MEMBERS), may_reach_live],
    status_code=201,
    operation_class=taking(InviteBody),
    security=BEARER,
)
async def invite_member(request: Request[Caller, Any, Any]) -> Invited:
    """Let somebody in. They cannot log in before they have set a password by the link."""
    caller, services = request.user, services_of(request)
    body = decode(await read_object(request), InviteBody)
    member_id, link = await invite(
        organization_id=caller.organization_id,
        by_member_id=caller.member_id,
        email=body.email.strip().lower(),
        name=body.name.strip(),
        roles=body.roles,
        signer=services.signer,
    )
    shown = _shown(link, services)
    member = await find_member(member_id, caller)
    return Invited(member=member, password_link=shown.password_link, expires_at=shown.expires_at)


@patch(
    "/api/v1/members/me",
    guards=[requires(Permission.READ)],
    status_code=200,
    operation_class=taking(OwnChangeBody),
    security=BEARER,
)
async def change_me(request: Request[Caller, Any, Any]) -> MemberView:
    """Say whether mails come."""
    caller = request.user
    require_person(caller)
    body = decode(await read_object(request), OwnChangeBody)
    if body.notify_by_email is not None:
        await choose_notification(
            caller.member_id,
            organization_id=caller.organization_id,
            notify_by_email=body.notify_by_email,
            signer=services_of(request).signer,
        )
    return await find_member(caller.member_id, caller)


@patch(
    "/api/v1/members/{member_id:str}",
    guards=[requires(Permission.MEMBERS), may_reach_live],
    status_code=200,
    operation_class=taking(ChangeBody),
    security=BEARER,
)
async def change_one(request: Request[Caller, Any, Any], member_id: str) -> MemberView:
    """Change a member. Disabling ends their log-ins at once and refuses their keys; nobody does it to themselves."""
    caller = request.user
    body = decode(await read_object(request), ChangeBody)
    changes = MemberChanges(
        name=body.name.strip() if body.name is not None else None,
        roles=tuple(body.roles) if body.roles is not None else None,
        disabled=body.disabled,
        unlock=body.unlock,
        notify_by_email=body.notify_by_email,
    )
    await change_member(
        member_id,
        changes,
        organization_id=caller.organization_id,
        by_member_id=caller.member_id,
        signer=services_of(request).signer,
    )
    return await find_member(member_id, caller)


@post(
    "/api/v1/members/{member_id:str}/password-link",
    guards=[requires(Permission.MEMBERS), may_reach_live],
    status_code=201,
    operation_class=taking(EmptyBody, required=False),
    security=BEARER,
)
async def make_password_link(request: Request[Caller, Any, Any], member_id: str) -> LinkView:
    """A link for a member who lost their password; earlier links stop working."""
    caller, services = request.user, services_of(request)
    decode(await read_optional_object(request), EmptyBody)
    link = await issue_link(
        member_id, organization_id=caller.organization_id, by_member_id=caller.member_id, signer=services.signer
    )
    return _shown(link, services)


def _shown(link: PasswordLink, services: Services) -> LinkView:
    return LinkView(
        password_link=f"{services.settings.console_url.rstrip('/')}/password?token={link.token}",
        expires_at=link.expires_at,
    )
