"""Passwords: members set their own, by a link that works once or with the one they have. Nobody chooses another's."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.errors import AxiruError
from ledger.acts.chain import Act, acts
from ledger.acts.member_record import MemberNotFound, check_admin, record
from ledger.acts.second_person import BOTH_MODES
from ledger.acts.vote import NotEligible
from ledger.entry import EntrySigner

LINK_LIFE: Final = timedelta(hours=24)


class LinkUnusable(AxiruError):
    """The link is unknown, was used or replaced, or has expired; which of them is not told."""

    code = "invalid_credentials"


class PasswordLink(msgspec.Struct, frozen=True):
    """`token` is shown once; only its SHA-256 is kept."""

    token: str
    expires_at: datetime


async def issue_link(member_id: str, *, organization_id: str, by_member_id: str, signer: EntrySigner) -> PasswordLink:
    """A link for a member who has no password yet or lost it. Earlier links stop working.

    Raises NotEligible, also for oneself: a log-in that somebody else uses must not become their password.
    """
    async with acts(signer, organization_id, BOTH_MODES) as issuing:
        await check_admin(by_member_id, organization_id)
        if by_member_id == member_id:
            raise NotEligible("Change your own password with the one you have.", because="self")
        found = await row(
            "SELECT id FROM members WHERE id = {} AND organization_id = {} AND disabled_at IS NULL",
            member_id,
            organization_id,
        )
        if found is None:
            raise MemberNotFound("There is no such member.")
        return await new_link(issuing, member_id, by_member_id=by_member_id)


async def new_link(issuing: Sequence[Act], member_id: str, *, by_member_id: str) -> PasswordLink:
    """Within an act: seal that there is a link from now on, and write it down."""
    now = issuing[0].now
    await void_links(member_id, now)
    issued, expires_at = ids.new_link_token(), now + LINK_LIFE
    await rows(
        "INSERT INTO password_links (token_hash, organization_id, member_id, created_by, created_at, expires_at) "
        "VALUES ({}, {}, {}, {}, {}, {})",
        issued.secret_hash,
        issuing[0].organization_id,
        member_id,
        by_member_id,
        now,
        expires_at,
    )
    facts = {"expires_at": expires_at.isoformat()}
    record(issuing, "password_link", member_id, by_member_id=by_member_id, facts=facts)
    return PasswordLink(issued.secret, expires_at)


async def check_link(token: str) -> None:
    """Raises LinkUnusable. Asked before a password is hashed: that is work nobody may order without a link."""
    await _owner(token)


async def set_by_link(token: str, password_hash: str, *, signer: EntrySigner) -> None:
    """Set the password of the link's member, end their log-ins and their lock. Works once. Raises LinkUnusable."""
    organization_id, member_id = await _owner(token)
    async with acts(signer, organization_id, BOTH_MODES) as setting:
        now = setting[0].now
        used = await row(
            "UPDATE password_links SET used_at = {}, opened_at = {} WHERE token_hash = {} AND used_at IS NULL "
            "AND expires_at > {} RETURNING created_by",
            now,
            now,
            ids.hash_secret(token),
            now,
        )
        if used is None or not await _write(member_id, password_hash):
            raise _unusable()
        await void_links(member_id, now)
        await end_sessions(member_id, now)
        facts = {"by_link_of": used["created_by"]}
        record(setting, "password_set", member_id, by_member_id=member_id, facts=facts)


async def set_own(
    member_id: str, password_hash: str, *, organization_id: str, kept_session_hash: str, signer: EntrySigner
) -> None:
    """Set one's own password and end every other log-in. The caller has checked the present one.

    Raises MemberNotFound for a member who was disabled meanwhile.
    """
    async with acts(signer, organization_id, BOTH_MODES) as setting:
        if not await _write(member_id, password_hash):
            raise MemberNotFound("There is no such member.")
        await void_links(member_id, setting[0].now)
        await end_sessions(member_id, setting[0].now, but=kept_session_hash)
        record(setting, "password_set", member_id, by_member_id=member_id)


async def end_sessions(member_id: str, now: datetime, *, but: str = "") -> None:
    """End a member's log-ins, all but the one of the hash `but`."""
    await rows(
        "UPDATE sessions SET revoked_at = {} WHERE member_id = {} AND revoked_at IS NULL AND token_hash <> {}",
        now,
        member_id,
        but,
    )


async def void_links(member_id: str, now: datetime) -> None:
    """Let no link of a member work any more."""
    await rows("UPDATE password_links SET used_at = {} WHERE member_id = {} AND used_at IS NULL", now, member_id)


async def _write(member_id: str, password_hash: str) -> bool:
    written = await row(
        "UPDATE members SET password_hash = {}, failed_logins = 0, locked_until = NULL "
        "WHERE id = {} AND disabled_at IS NULL RETURNING id",
        password_hash,
        member_id,
    )
    return written is not None


async def _owner(token: str) -> tuple[str, str]:
    """Organization and member of a link that still works. Raises LinkUnusable."""
    found = await row(
        """
        SELECT l.organization_id, l.member_id FROM password_links l
        JOIN members m ON m.id = l.member_id AND m.disabled_at IS NULL
        WHERE l.token_hash = {} AND l.used_at IS NULL AND l.expires_at > clock_timestamp()
        """,
        ids.hash_secret(token),
    )
    if found is None:
        raise _unusable()
    return found["organization_id"], found["member_id"]


def _unusable() -> LinkUnusable:
    return LinkUnusable("This link is unknown, was used before, or has expired.")
