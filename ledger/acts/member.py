"""Members: invited, renamed, given roles, disabled, unlocked. By admins, never on themselves, sealed in both modes."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.domain.roles import VOTING_ROLES
from axiru.errors import AxiruError
from ledger.acts.chain import Act, acts
from ledger.acts.member_record import MemberChange, MemberNotFound, check_admin, record, tell_granted
from ledger.acts.password import PasswordLink, end_sessions, new_link, void_links
from ledger.acts.second_person import BOTH_MODES
from ledger.acts.vote import NotEligible
from ledger.entry import EntrySigner


class EmailTaken(AxiruError):
    """Somebody logs in with this e-mail already, in whichever organization."""

    code = "conflict"


class LastAdmin(AxiruError):
    """Nobody would be left who could let anybody in."""

    code = "conflict"


class MemberChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What is to become of a member; None leaves it as it is."""

    name: str | None = None
    roles: tuple[str, ...] | None = None
    disabled: bool | None = None
    unlock: bool = False
    notify_by_email: bool | None = None


class Standing(msgspec.Struct, frozen=True):
    """A member as an act finds them behind the lock."""

    id: str
    name: str
    roles: tuple[str, ...]
    disabled_at: datetime | None
    failed_logins: int
    locked_until: datetime | None
    notify_by_email: bool


async def invite(
    *, organization_id: str, by_member_id: str, email: str, name: str, roles: Collection[str], signer: EntrySigner
) -> tuple[str, PasswordLink]:
    """Add a member who cannot log in before they have set a password of their own; returns their id and the link.

    Raises NotEligible, EmailTaken.
    """
    member_id, held = ids.new_id(ids.MEMBER), sorted(set(roles))
    async with acts(signer, organization_id, BOTH_MODES) as inviting:
        await check_admin(by_member_id, organization_id)
        added = await row(
            "INSERT INTO members (id, organization_id, email, name, password_hash, roles, created_at) "
            "VALUES ({}, {}, {}, {}, '', {}::text[], {}) ON CONFLICT (email) DO NOTHING RETURNING id",
            member_id,
            organization_id,
            email,
            name,
            held,
            inviting[0].now,
        )
        if added is None:
            raise EmailTaken("Somebody has this e-mail already.", state="taken")
        personal = {"email": email, "name": name}
        record(inviting, "invited", member_id, by_member_id=by_member_id, facts={"roles": held}, personal=personal)
        _tell_voting_roles(inviting, member_id, before=(), after=held)
        return member_id, await new_link(inviting, member_id, by_member_id=by_member_id)


async def change_member(
    member_id: str, changes: MemberChanges, *, organization_id: str, by_member_id: str, signer: EntrySigner
) -> None:
    """Change a member; what is as wanted already is not sealed again. Disabling ends their log-ins and links.

    Raises MemberNotFound, NotEligible for one's own roles or end, LastAdmin.
    """
    async with acts(signer, organization_id, BOTH_MODES) as changing:
        await check_admin(by_member_id, organization_id)
        before = await _standing(member_id, organization_id)
        wanted = _effective(before, changes, changing[0].now)
        if by_member_id == member_id:
            _check_not_oneself(wanted)
        await _check_admin_left(before, wanted, organization_id)
        await _write(before, wanted, changing[0].now)
        for change, facts in _told(before, wanted):
            personal = {"name": wanted.name} if change == "renamed" else None
            record(changing, change, member_id, by_member_id=by_member_id, facts=facts, personal=personal)
        if wanted.roles is not None:
            _tell_voting_roles(changing, member_id, before=before.roles, after=wanted.roles)
        if wanted.disabled:
            await end_sessions(member_id, changing[0].now)
            await void_links(member_id, changing[0].now)


async def choose_notification(
    member_id: str, *, organization_id: str, notify_by_email: bool, signer: EntrySigner
) -> None:
    """A member says whether mails come to them. Raises MemberNotFound."""
    async with acts(signer, organization_id, BOTH_MODES) as choosing:
        before = await _standing(member_id, organization_id)
        if before.disabled_at is not None:
            raise MemberNotFound("There is no such member.")
        if before.notify_by_email != notify_by_email:
            await _write(before, MemberChanges(notify_by_email=notify_by_email), choosing[0].now)
            facts = {"notify_by_email": notify_by_email}
            record(choosing, "notification_changed", member_id, by_member_id=member_id, facts=facts)


def _effective(before: Standing, changes: MemberChanges, now: datetime) -> MemberChanges:
    """Only what differs."""
    roles = tuple(sorted(set(changes.roles))) if changes.roles is not None else None
    locked = before.failed_logins > 0 or (before.locked_until is not None and before.locked_until > now)
    return MemberChanges(
        name=changes.name if changes.name != before.name else None,
        roles=roles if roles is not None and set(roles) != set(before.roles) else None,
        disabled=changes.disabled if changes.disabled != (before.disabled_at is not None) else None,
        unlock=changes.unlock and locked,
        notify_by_email=changes.notify_by_email if changes.notify_by_email != before.notify_by_email else None,
    )


def _check_not_oneself(wanted: MemberChanges) -> None:
    if wanted.roles is not None:
        raise NotEligible("Nobody changes their own roles; another admin does.", because="self")
    if wanted.disabled:
        raise NotEligible("Nobody disables themselves; another admin does.", because="self")
    if wanted.unlock:
        raise NotEligible("Nobody unlocks themselves; another admin does.", because="self")


async def _check_admin_left(before: Standing, wanted: MemberChanges, organization_id: str) -> None:
    if "admin" not in before.roles or before.disabled_at is not None:
        return
    if not wanted.disabled and (wanted.roles is None or "admin" in wanted.roles):
        return
    other = await row(
        "SELECT id FROM members WHERE organization_id = {} AND disabled_at IS NULL AND 'admin' = ANY(roles) "
        "AND id <> {} LIMIT 1",
        organization_id,
        before.id,
    )
    if other is None:
        raise LastAdmin("This is the last admin; make somebody else one first.", state="last_admin")


def _told(before: Standing, wanted: MemberChanges) -> list[tuple[MemberChange, dict[str, Any]]]:
    told: list[tuple[MemberChange, dict[str, Any]]] = []
    if wanted.name is not None:
        told.append(("renamed", {}))
    if wanted.roles is not None:
        told.append(("roles_changed", {"roles_before": sorted(before.roles), "roles": list(wanted.roles)}))
    if wanted.disabled is not None:
        told.append(("disabled" if wanted.disabled else "enabled", {}))
    if wanted.unlock:
        told.append(("unlocked", {}))
    if wanted.notify_by_email is not None:
        told.append(("notification_changed", {"notify_by_email": wanted.notify_by_email}))
    return told


async def _write(before: Standing, wanted: MemberChanges, now: datetime) -> None:
    disabled = before.disabled_at is not None if wanted.disabled is None else wanted.disabled
    await rows(
        """
        UPDATE members SET name = {}, roles = {}::text[], disabled_at = {}, notify_by_email = {},
            failed_logins = CASE WHEN {} THEN 0 ELSE failed_logins END,
            locked_until = CASE WHEN {} THEN NULL ELSE locked_until END
        WHERE id = {}
        """,
        wanted.name if wanted.name is not None else before.name,
        list(wanted.roles if wanted.roles is not None else before.roles),
        (before.disabled_at or now) if disabled else None,
        wanted.notify_by_email if wanted.notify_by_email is not None else before.notify_by_email,
        wanted.unlock,
        wanted.unlock,
        before.id,
    )


def _tell_voting_roles(
    acting: tuple[Act, ...], member_id: str, *, before: Collection[str], after: Collection[str]
) -> None:
    granted = sorted((set(after) - set(before)) & VOTING_ROLES)
    if granted:
        tell_granted(acting, member_id, granted)


async def _standing(member_id: str, organization_id: str) -> Standing:
    found = await row(
        "SELECT id, name, roles, disabled_at, failed_logins, locked_until, notify_by_email FROM members "
        "WHERE id = {} AND organization_id = {} FOR UPDATE",
        member_id,
        organization_id,
    )
    if found is None:
        raise MemberNotFound("There is no such member.")
    return msgspec.convert(found, Standing)
